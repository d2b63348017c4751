// build/bench_kernels: the kernels against the limits of the machine, each ratio from one run.
//
// Weights are bf16 in a memory file of the size of a small model, mapped read-only in small pages
// as a checkpoint is, and read in order, so that a product finds nothing in the caches that a
// decode step would not find there.

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "absl/types/span.h"
#include "bench/limits.h"
#include "bench/report.h"
#include "engine/kernels/kernels.h"
#include "engine/workers/cpu_topology.h"

namespace firstlight {
namespace {

constexpr int64_t kWeightBytes = int64_t{1} << 30;
constexpr int kRuns = 3;

struct Options {
  Isa isa = Isa::kAuto;
  int threads = DefaultThreads(ReadCpuTopology());
  bool quick = false;
  bool json = false;
};

// Weights whose bits look like small bf16 numbers.
absl::Span<const std::byte> MapWeights() {
  const int file = memfd_create("weights", 0);
  if (file < 0 || ftruncate(file, kWeightBytes) != 0) {
    std::perror("memfd");
    std::exit(1);
  }
  std::vector<uint16_t> block(1 << 19);
  for (size_t i = 0; i < block.size(); ++i) {
    block[i] = static_cast<uint16_t>(0x3C00U + (i * 2654435761U >> 7) % 0x100U);
  }
  for (int64_t offset = 0; offset < kWeightBytes; offset += 1 << 20) {
    if (pwrite(file, block.data(), 1 << 20, offset) != 1 << 20) {
      std::perror("memfd");
      std::exit(1);
    }
  }
  void* mapping = mmap(nullptr, kWeightBytes, PROT_READ, MAP_SHARED | MAP_POPULATE, file, 0);
  close(file);
  if (mapping == MAP_FAILED) {
    std::perror("mmap");
    std::exit(1);
  }
  return {static_cast<const std::byte*>(mapping), static_cast<size_t>(kWeightBytes)};
}

float* AllocateFloats(int64_t count) {
  void* memory = std::aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64);
  std::memset(memory, 0, count * sizeof(float));
  return static_cast<float*>(memory);
}

class KernelBench {  // NOLINT(clang-analyzer-optin.performance.Padding): one of it
 public:
  KernelBench(const Options& options, const Kernels& kernels)
      : options_(options),
        kernels_(kernels),
        workers_(options.threads),
        report_(options.json),
        weights_(MapWeights()) {
    for (int worker = 0; worker < options.threads; ++worker) {
      scratch_.push_back(AllocateFloats(kProductScratchFloats));
    }
  }

  void Run() {
    Add("limits", "read_bandwidth", "bytes_per_second", {MeasureReadBandwidth(weights_, workers_)});
    Add("limits", "peak", "flops", {MeasurePeak(workers_)});
    struct Shape {
      int64_t rows;
      int64_t columns;
    };
    for (const Shape shape : {Shape{8192, 2048}, Shape{2048, 8192}, Shape{128256, 2048}}) {
      for (const int64_t tokens : {1, 2, 3, 4, 6, 8, 16, 32, 64, 512}) {
        if (shape.rows > 100000 && tokens > 16) {
          continue;
        }
        if (options_.quick && tokens != 1 && tokens != 4 && tokens != 16 && tokens != 512) {
          continue;
        }
        Product(shape.rows, shape.columns, tokens);
      }
    }
    for (const int64_t positions : {512, 4096}) {
      AttentionPrefill(positions);
    }
  }

 private:
  template <typename Body>
  double Time(Body body) {
    const auto start = std::chrono::steady_clock::now();
    body();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

  void Add(const std::string& test_case, const std::string& metric, const std::string& unit,
           std::vector<double> runs) {
    report_.Add({"kernels", test_case, metric, unit, std::move(runs)});
  }

  // Matrices of the mapping one after another, as layers follow each other.
  void Product(int64_t rows, int64_t columns, int64_t tokens) {
    const int64_t matrix_bytes = rows * columns * 2;
    const int64_t matrices =
        std::min<int64_t>(kWeightBytes / matrix_bytes, std::max<int64_t>(1, 128 / tokens));
    float* input = AllocateFloats(tokens * columns);
    float* packed = AllocateFloats(PackedActivationFloats(tokens, columns));
    float* output = AllocateFloats(tokens * rows);
    std::vector<double> bandwidth;
    std::vector<double> peak;
    for (int run = 0; run < kRuns; ++run) {
      const double limit_bandwidth = MeasureReadBandwidth(weights_.subspan(0, 256 << 20), workers_);
      const double limit_peak = MeasurePeak(workers_);
      const double seconds = Time([&] {
        for (int64_t matrix = 0; matrix < matrices; ++matrix) {
          workers_.ParallelFor(tokens, std::max<int64_t>(tokens / options_.threads, 1),
                               [&](int64_t begin, int64_t end, int) {
                                 PackActivations(input, columns, tokens, columns, begin, end,
                                                 packed);
                               });
          const ProductArgs args = {.packed = packed,
                                    .tokens = tokens,
                                    .weight = {.data = weights_.data() + matrix * matrix_bytes,
                                               .type = WeightType::kBF16,
                                               .rows = rows,
                                               .columns = columns,
                                               .row_stride = columns},
                                    .output = output,
                                    .output_stride = rows};
          workers_.ParallelFor(rows, ProductRowChunk(rows, columns, tokens, options_.threads),
                               [&](int64_t begin, int64_t end, int worker) {
                                 kernels_.product(args, begin, end, scratch_[worker]);
                               });
        }
      });
      const auto done = static_cast<double>(matrices);
      bandwidth.push_back(done * static_cast<double>(matrix_bytes) / seconds / limit_bandwidth);
      peak.push_back(done * static_cast<double>(rows * columns * tokens * 2) / seconds /
                     limit_peak);
    }
    const std::string test_case = "product/" + std::to_string(rows) + "x" +
                                  std::to_string(columns) + "/" + std::to_string(tokens);
    Add(test_case, "read_bandwidth_ratio", "ratio", bandwidth);
    Add(test_case, "peak_ratio", "ratio", peak);
    std::free(input);
    std::free(packed);
    std::free(output);
  }

  // The last 512 positions of a prompt, 32 heads of 64 over 8 key/value heads, in multiply-adds of
  // the scores and the weighted values.
  void AttentionPrefill(int64_t positions) {
    constexpr int64_t kRows = 512;
    constexpr int64_t kHeads = 32;
    constexpr int64_t kKvHeads = 8;
    constexpr int64_t kHeadDim = 64;
    const int64_t blocks = positions / kAttentionBlockPositions;
    const int64_t block_floats = AttentionBlockFloats(kKvHeads, kHeadDim);
    float* storage = AllocateFloats(blocks * block_floats);
    float* query = AllocateFloats(kRows * kHeads * kHeadDim);
    float* output = AllocateFloats(kRows * kHeads * kHeadDim);
    std::vector<float*> table;
    table.reserve(blocks);
    for (int64_t block = 0; block < blocks; ++block) {
      table.push_back(storage + block * block_floats);
    }
    const int64_t row_chunks = kRows / kAttentionRows;
    std::vector<double> peak;
    for (int run = 0; run < kRuns; ++run) {
      const double limit_peak = MeasurePeak(workers_);
      const double seconds = Time([&] {
        workers_.ParallelFor(row_chunks * kKvHeads, 1, [&](int64_t begin, int64_t end, int) {
          for (int64_t i = begin; i < end; ++i) {
            const int64_t row = i / kKvHeads * kAttentionRows;
            const int64_t stride = kHeads * kHeadDim;
            kernels_.attention({.query = query + row * stride,
                                .query_stride = stride,
                                .output = output + row * stride,
                                .output_stride = stride,
                                .rows = kAttentionRows,
                                .first_position = positions - kRows + row,
                                .cache = {.blocks = table.data(),
                                          .layer_offset = 0,
                                          .kv_heads = kKvHeads,
                                          .head_dim = kHeadDim},
                                .heads = kHeads,
                                .scale = 0.125F},
                               i % kKvHeads, i % kKvHeads + 1);
          }
        });
      });
      const double attended =
          static_cast<double>(kRows) * static_cast<double>(2 * positions - kRows + 1) / 2;
      peak.push_back(attended * kHeads * kHeadDim * 4 / seconds / limit_peak);
    }
    Add("attention/" + std::to_string(positions), "peak_ratio", "ratio", peak);
    std::free(storage);
    std::free(query);
    std::free(output);
  }

  const Options options_;
  const Kernels& kernels_;
  WorkerPool workers_;
  Report report_;
  const absl::Span<const std::byte> weights_;
  std::vector<float*> scratch_;
};

int Main(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--quick") {
      options.quick = true;
    } else if (argument == "--json") {
      options.json = true;
    } else if (argument == "--threads" && i + 1 < argc) {
      options.threads = std::max(std::atoi(argv[++i]), 1);
    } else if (argument == "--isa" && i + 1 < argc && ParseIsa(argv[i + 1]).has_value()) {
      options.isa = *ParseIsa(argv[++i]);
    } else {
      std::fputs("bench_kernels [--quick] [--json] [--threads N] [--isa auto|avx2|avx512]\n",
                 stderr);
      return 2;
    }
  }
  const absl::StatusOr<const Kernels*> kernels = SelectKernels(options.isa);
  if (!kernels.ok()) {
    std::fprintf(stderr, "%s\n", kernels.status().ToString().c_str());
    return 1;
  }
  KernelBench(options, **kernels).Run();
  return 0;
}

}  // namespace
}  // namespace firstlight

int main(int argc, char** argv) { return firstlight::Main(argc, argv); }
