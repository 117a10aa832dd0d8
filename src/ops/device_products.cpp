#include "ops/device_products.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "graph/op_contract.h"
#include "kernels/cuda/launchers.h"
#include "kernels/gemm/gemm_cuda.h"
#include "ops/vendor_product.h"

namespace weft::ops {
namespace {

using device::ProductArgs;
using device::Status;

constexpr std::string_view kOwn = "own";
constexpr int kOwnRank = -1;
// A product is timed over so many launches that they take about this long, the best of a few times.
constexpr double kTimedSeconds = 0.002;
constexpr int kMostLaunches = 20, kTimes = 3;

// A product as it is first launched: its operands serve for measuring.
struct Case {
  device::Product product;
  kernels::GemmSpec spec;
  kernels::GemmArgs args;
  const float* one = nullptr;
  int64_t calls = 0;
};

struct DestroyProduct {
  const device::VendorApi* vendor;
  void operator()(void* product) const { static_cast<void>(vendor->product_destroy(product)); }
};
using Prepared = std::unique_ptr<void, DestroyProduct>;

struct Chosen {
  Prepared prepared;  // null: ours
  ChosenProduct shown;
};

// Whose products are on which stream.
std::vector<std::pair<void*, DeviceProducts*>>& products_by_stream() {
  static std::vector<std::pair<void*, DeviceProducts*>> the_products;
  return the_products;
}

DeviceProducts* products_on(void* stream) {
  for (const auto& [handle, products] : products_by_stream())
    if (handle == stream) return products;
  return nullptr;
}

void multiply(void* stream, const kernels::GemmSpec& spec, const kernels::GemmArgs& args) {
  kernels::gemm(weft::cuda::Stream{stream}, kernels::GemmLaunch{spec, args});
}

}  // namespace

struct DeviceProducts::Impl {
  const device::Device& device;
  device::Stream& stream;
  KernelChoice kernels;
  ProductChoices remembered;
  device::Memory workspace;
  device::Event from, to;  // around what is timed
  std::map<std::string, Chosen> chosen = {};
  std::vector<std::string> order = {};  // in which they first came
  ProductChoices choices = {};
  bool measured = false;
  // While programs are looked through: their products, by name.
  bool looking = false;
  std::map<std::string, Case> found = {};

  const device::VendorApi& vendor() const { return device.library().vendor(); }
  std::string library() const {
    return std::string(vendor().products().name) + " " + vendor().products().version;
  }
  std::string text_of(int rank) const {
    return rank == kOwnRank ? std::string(kOwn) : library() + " #" + std::to_string(rank);
  }

  // Takes note of a product that a program launches.
  void look_at(const Case& seen) {
    const std::string name = seen.product.to_string();
    if (chosen.count(name) != 0) return;
    Case& entry = found.try_emplace(name, seen).first->second;
    if (entry.calls++ == 0) order.push_back(name);
  }

  // Null: the library has not so many algorithms for it.
  Prepared prepare(const device::Product& product, int rank) const {
    void* made = nullptr;
    const Status status = vendor().product_create(&made, product, rank, kWorkspaceBytes);
    if (status == device::kUnsupported) return {nullptr, {&vendor()}};
    device.check(status, ("prepare the product " + product.to_string()).c_str());
    return {made, {&vendor()}};
  }

  void run(const Prepared& prepared, const kernels::GemmArgs& args, const float* one) const {
    const ProductArgs given{.a = args.a,
                            .b = args.b,
                            .c = args.c,
                            .bias = args.bias,
                            .sums = args.pre_activation,
                            .flag = args.accumulate_flag,
                            .one = one,
                            .workspace = workspace.data()};
    device.check(vendor().product_run(prepared.get(), given, stream.handle()),
                 (library() + ": a matrix product").c_str());
  }
  void run(const Prepared& prepared, const Case& c) const {
    if (prepared == nullptr) multiply(stream.handle(), c.spec, c.args);
    else run(prepared, c.args, c.one);
  }

  double seconds_of(const Prepared& prepared, const Case& c, int launches) {
    stream.record(from);
    for (int i = 0; i < launches; ++i) run(prepared, c);
    stream.record(to);
    to.wait();
    return to.seconds_since(from) / launches;
  }
  // Of one launch; the first, which loads the kernel, does not count.
  double measure(const Prepared& prepared, const Case& c) {
    run(prepared, c);
    double best = seconds_of(prepared, c, 1);
    const double wanted = kTimedSeconds / std::max(best, 1e-9);
    const int launches = static_cast<int>(std::clamp(wanted, 1.0, double{kMostLaunches}));
    for (int i = 0; i < kTimes; ++i) best = std::min(best, seconds_of(prepared, c, launches));
    return best;
  }

  // What is remembered of it, if this library gave it.
  std::optional<int> remembered_rank(const std::string& name) const {
    const auto entry = remembered.find(name);
    if (entry == remembered.end()) return std::nullopt;
    const std::string_view text = entry->second;
    if (text == kOwn)
      return kernels == KernelChoice::kAuto ? std::optional(kOwnRank) : std::nullopt;
    const std::string begin = library() + " #";
    int rank = 0;
    if (!text.starts_with(begin)) return std::nullopt;
    const char* last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data() + begin.size(), last, rank);
    return error == std::errc() && end == last && rank >= 0 ? std::optional(rank) : std::nullopt;
  }

  void take(const std::string& name, const Case& c, int rank, Prepared prepared, Chosen& into) {
    // Kernels are loaded when they first run, which they must not while work is captured.
    run(prepared, c);
    into.prepared = std::move(prepared);
    into.shown.product = name;
    into.shown.calls = c.calls;
    into.shown.kernel = choices[name] = text_of(rank);
  }

  bool take_remembered(const std::string& name, const Case& c, Chosen& into) {
    const std::optional<int> rank = remembered_rank(name);
    if (!rank) return false;
    Prepared prepared{nullptr, {&vendor()}};
    if (*rank != kOwnRank) prepared = prepare(c.product, *rank);
    if (*rank != kOwnRank && prepared == nullptr) return false;
    take(name, c, *rank, std::move(prepared), into);
    into.shown.reason = "remembered";
    return true;
  }

  // The fastest of ours and of the first of the library's.
  void take_fastest(const std::string& name, const Case& c, Prepared first, Chosen& into) {
    Prepared best{nullptr, {&vendor()}};
    int best_rank = kOwnRank;
    const double own = measure(best, c);
    double vendors = 0;
    Prepared next = std::move(first);
    for (int rank = 0; next != nullptr; next = prepare(c.product, rank)) {
      const double seconds = measure(next, c);
      const bool is_fastest = vendors == 0 || seconds < vendors;
      if (is_fastest) vendors = seconds;
      if (is_fastest && seconds < own) best = std::move(next), best_rank = rank;
      if (++rank == kMeasuredAlgorithms) break;
    }
    take(name, c, best_rank, std::move(best), into);
    measured = true;
    into.shown.reason = "measured";
    into.shown.own_seconds = own;
    into.shown.vendor_seconds = vendors;
  }

  void choose(const std::string& name, const Case& c) {
    Chosen& into = chosen[name];
    if (take_remembered(name, c, into)) return;
    Prepared first = prepare(c.product, 0);
    if (first == nullptr) {
      take(name, c, kOwnRank, std::move(first), into);
      into.shown.reason = library() + " does not offer it";
    } else if (kernels == KernelChoice::kAuto) {
      take_fastest(name, c, std::move(first), into);
    } else {
      take(name, c, 0, std::move(first), into);
      into.shown.reason = "asked for";
    }
  }
};

DeviceProducts::DeviceProducts(const device::Device& device, device::Stream& stream,
                               KernelChoice kernels, ProductChoices remembered)
    : impl_(std::make_unique<Impl>(Impl{.device = device,
                                        .stream = stream,
                                        .kernels = kernels,
                                        .remembered = std::move(remembered),
                                        .workspace = {device, kWorkspaceBytes},
                                        .from = device::Event(device),
                                        .to = device::Event(device)})) {
  WEFT_ASSERT(kernels == KernelChoice::kAuto || kernels == KernelChoice::kVendor);
  products_by_stream().emplace_back(stream.handle(), this);
}

DeviceProducts::~DeviceProducts() {
  std::erase_if(products_by_stream(), [this](const auto& entry) { return entry.second == this; });
}

void DeviceProducts::choose(const std::function<void()>& launch_all) {
  if (!why_own().empty()) return;
  impl_->found.clear();
  impl_->looking = true;
  {
    const kernels::LaunchNothing nothing;
    launch_all();
  }
  impl_->looking = false;
  for (const std::string& name : impl_->order)
    if (const auto entry = impl_->found.find(name); entry != impl_->found.end())
      impl_->choose(name, entry->second);
  impl_->stream.synchronize();
}

bool DeviceProducts::launch(const graph::KernelCall& call, const kernels::GemmSpec& spec,
                            const kernels::GemmArgs& args) {
  const std::optional<device::Product> product = vendor_product(spec, args);
  if (!product || !why_own().empty()) return false;
  if (impl_->looking) {
    impl_->look_at({*product, spec, args, call.device->one});
    return true;
  }
  const auto entry = impl_->chosen.find(product->to_string());
  if (entry == impl_->chosen.end() || entry->second.prepared == nullptr) return false;
  impl_->run(entry->second.prepared, args, call.device->one);
  return true;
}

const ProductChoices& DeviceProducts::choices() const {
  return impl_->choices;
}

std::vector<ChosenProduct> DeviceProducts::chosen() const {
  std::vector<ChosenProduct> all;
  for (const std::string& name : impl_->order) all.push_back(impl_->chosen.at(name).shown);
  return all;
}

bool DeviceProducts::has_measured() const {
  return impl_->measured;
}

std::string DeviceProducts::library_in_use() const {
  for (const auto& [name, chosen] : impl_->chosen)
    if (chosen.prepared != nullptr) return impl_->library();
  return "";
}

std::string DeviceProducts::why_own() const {
  const device::VendorLibrary& library = impl_->vendor().products();
  if (*library.why_not == '\0') return "";
  return std::string(library.name) + " cannot be used: " + library.why_not;
}

void choose_products(void* stream, const std::function<void()>& launch_all) {
  if (DeviceProducts* products = products_on(stream)) products->choose(launch_all);
}

void launch_gemm(const graph::KernelCall& call, const kernels::GemmSpec& spec,
                 const kernels::GemmArgs& args) {
  DeviceProducts* products = products_on(call.device->stream);
  if (products != nullptr && products->launch(call, spec, args)) return;
  multiply(call.device->stream, spec, args);
}

}  // namespace weft::ops
