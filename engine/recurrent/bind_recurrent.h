#ifndef FIRSTLIGHT_ENGINE_RECURRENT_BIND_RECURRENT_H_
#define FIRSTLIGHT_ENGINE_RECURRENT_BIND_RECURRENT_H_

// Binding a recurrent layer's tensors: views, all of them. A convolution's weight is
// [channels, 1, kernel] in files.

#include <cstdint>

#include "engine/decoder/tensor_source.h"
#include "engine/recurrent/recurrent_spec.h"
#include "engine/recurrent/recurrent_weights.h"

namespace firstlight {

RecurrentWeights BindRecurrent(const RecurrentSpec& spec, int64_t hidden_size,
                               TensorSource& source);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_RECURRENT_BIND_RECURRENT_H_
