#ifndef FIRSTLIGHT_ENGINE_MIXTURE_BIND_MIXTURE_H_
#define FIRSTLIGHT_ENGINE_MIXTURE_BIND_MIXTURE_H_

// Binding a mixture's tensors, in whichever of the published layouts a file has them:
//
//   a tensor an expert             views
//   one for all experts of a layer views: an expert is a run of its rows, gate and up are halves of
//                                  that or every other row
//   the same, transposed           copied: a product reads rows of [out, in]
//   MXFP4 blocks and scales        views
//
// A bias in which gate and up alternate is copied in two parts.

#include <cstdint>

#include "engine/decoder/tensor_source.h"
#include "engine/mixture/mixture_spec.h"
#include "engine/mixture/mixture_weights.h"

namespace firstlight {

MixtureWeights BindMixture(const MixtureSpec& spec, int64_t hidden_size, TensorSource& source);

}  // namespace firstlight

#endif  // FIRSTLIGHT_ENGINE_MIXTURE_BIND_MIXTURE_H_
