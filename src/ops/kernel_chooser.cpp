#include "ops/kernel_chooser.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <utility>

#include "graph/op_contract.h"
#include "kernels/cuda/launchers.h"
#include "kernels/gemm/gemm_cuda.h"
#include "ops/vendor_call.h"
#include "ops/vendor_product.h"

namespace weft::ops {
namespace {

using device::Status;

constexpr std::string_view kOwn = "own";
constexpr int kOwnRank = -1;
// A product is timed over so many launches that they take about this long, the best of a few times.
constexpr double kTimedSeconds = 0.002;
constexpr int kMostLaunches = 20, kTimes = 3;

// A call as it is first launched: its operands serve for measuring.
struct Case {
  std::unique_ptr<VendorCall> call;
  int64_t calls = 0;
};

struct Chosen {
  PreparedCall prepared{nullptr, nullptr};  // null: ours
  ChosenCall shown;
};

// Who chooses for which stream.
std::vector<std::pair<void*, KernelChooser*>>& choosers() {
  static std::vector<std::pair<void*, KernelChooser*>> the_choosers;
  return the_choosers;
}

KernelChooser* chooser_of(void* stream) {
  for (const auto& [handle, chooser] : choosers())
    if (handle == stream) return chooser;
  return nullptr;
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : ", ") + word;
  return all;
}

}  // namespace

struct KernelChooser::Impl {
  const device::Device& device;
  device::Stream& stream;
  KernelChoice kernels;
  bool repeats;  // the same bits in every run
  CallChoices remembered;
  device::Memory workspace;
  device::Event from, to;  // around what is timed
  std::map<std::string, Chosen> chosen = {};
  std::vector<std::string> order = {};  // in which they first came
  CallChoices choices = {};
  bool measured = false;
  // While programs are looked through: their calls, by name.
  bool looking = false;
  std::map<std::string, Case> found = {};

  const device::VendorApi& vendor() const { return device.library().vendor(); }
  const device::VendorLibrary& library_of(const VendorCall& call) const {
    return call.library(vendor());
  }
  std::string text_of(const VendorCall& call, int rank) const {
    if (rank == kOwnRank) return std::string(kOwn);
    return library_of(call).text() + " #" + std::to_string(rank);
  }

  // Takes note of a call of a program.
  void look_at(const VendorCall& seen) {
    const std::string name = seen.name();
    if (chosen.count(name) != 0) return;
    Case& entry = found[name];
    if (entry.calls++ > 0) return;
    entry.call = seen.copy();
    order.push_back(name);
  }

  // Null: the library has not so many algorithms for it.
  PreparedCall prepare(const VendorCall& call, int rank) const {
    void* made = nullptr;
    const Status status = call.prepare(vendor(), rank, kWorkspaceBytes, &made);
    if (status == device::kUnsupported) return {nullptr, nullptr};
    device.check(status,
                 ("prepare " + std::string(call.description()) + ", " + call.name()).c_str());
    return {made, call.destroyer(vendor())};
  }

  void run(const PreparedCall& prepared, const VendorCall& call) const {
    if (prepared == nullptr) return call.launch_own(stream.handle());
    device.check(call.run(vendor(), prepared.get(), workspace.data(), stream.handle()),
                 (library_of(call).text() + ": " + call.description()).c_str());
  }

  double seconds_of(const PreparedCall& prepared, const VendorCall& c, int launches) {
    stream.record(from);
    for (int i = 0; i < launches; ++i) run(prepared, c);
    stream.record(to);
    to.wait();
    return to.seconds_since(from) / launches;
  }
  // Of one launch; the first, which loads the kernel, does not count.
  double measure(const PreparedCall& prepared, const VendorCall& c) {
    run(prepared, c);
    double best = seconds_of(prepared, c, 1);
    const double wanted = kTimedSeconds / std::max(best, 1e-9);
    const int launches = static_cast<int>(std::clamp(wanted, 1.0, double{kMostLaunches}));
    for (int i = 0; i < kTimes; ++i) best = std::min(best, seconds_of(prepared, c, launches));
    return best;
  }

  // What is remembered of it, if this library gave it.
  std::optional<int> remembered_rank(const VendorCall& call) const {
    const auto entry = remembered.find(call.name());
    if (entry == remembered.end()) return std::nullopt;
    const std::string_view text = entry->second;
    if (text == kOwn)
      return kernels == KernelChoice::kAuto ? std::optional(kOwnRank) : std::nullopt;
    const std::string begin = library_of(call).text() + " #";
    int rank = 0;
    if (!text.starts_with(begin)) return std::nullopt;
    const char* last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data() + begin.size(), last, rank);
    return error == std::errc() && end == last && rank >= 0 ? std::optional(rank) : std::nullopt;
  }

  void take(const Case& c, int rank, PreparedCall prepared, Chosen& into) {
    // Kernels are loaded when they first run, which they must not while work is captured.
    run(prepared, *c.call);
    c.call->clear(stream);
    const std::string name = c.call->name();
    into.prepared = std::move(prepared);
    into.shown.call = name;
    into.shown.calls = c.calls;
    into.shown.kernel = choices[name] = text_of(*c.call, rank);
  }
  void take_own(const Case& c, const std::string& reason, Chosen& into) {
    take(c, kOwnRank, {nullptr, nullptr}, into);
    into.shown.reason = reason;
  }

  bool take_remembered(const Case& c, Chosen& into) {
    const std::optional<int> rank = remembered_rank(*c.call);
    if (!rank) return false;
    PreparedCall prepared{nullptr, nullptr};
    if (*rank != kOwnRank) prepared = prepare(*c.call, *rank);
    if (*rank != kOwnRank && prepared == nullptr) return false;
    take(c, *rank, std::move(prepared), into);
    into.shown.reason = "remembered";
    return true;
  }

  // The fastest of ours and of the first of the library's.
  void take_fastest(const Case& c, PreparedCall first, Chosen& into) {
    PreparedCall best{nullptr, nullptr};
    int best_rank = kOwnRank;
    const double own = measure(best, *c.call);
    double vendors = 0;
    PreparedCall next = std::move(first);
    for (int rank = 0; next != nullptr; next = prepare(*c.call, rank)) {
      const double seconds = measure(next, *c.call);
      const bool is_fastest = vendors == 0 || seconds < vendors;
      if (is_fastest) vendors = seconds;
      if (is_fastest && seconds < own) best = std::move(next), best_rank = rank;
      if (++rank == kMeasuredAlgorithms) break;
    }
    take(c, best_rank, std::move(best), into);
    measured = true;
    into.shown.reason = "measured";
    into.shown.own_seconds = own;
    into.shown.vendor_seconds = vendors;
  }

  void choose(const Case& c) {
    const std::string library = library_of(*c.call).text();
    Chosen& into = chosen[c.call->name()];
    if (repeats && !c.call->repeats())
      return take_own(c, library + " gives other last bits in every run", into);
    if (take_remembered(c, into)) return;
    PreparedCall first = prepare(*c.call, 0);
    if (first == nullptr) {
      take_own(c, library + " does not offer it", into);
    } else if (kernels == KernelChoice::kAuto) {
      take_fastest(c, std::move(first), into);
    } else {
      take(c, 0, std::move(first), into);
      into.shown.reason = "asked for";
    }
  }
};

KernelChooser::KernelChooser(const device::Device& device, device::Stream& stream,
                             KernelChoice kernels, CallChoices remembered, bool deterministic)
    : impl_(std::make_unique<Impl>(Impl{.device = device,
                                        .stream = stream,
                                        .kernels = kernels,
                                        .repeats = deterministic || kernels == KernelChoice::kAuto,
                                        .remembered = std::move(remembered),
                                        .workspace = {device, kWorkspaceBytes},
                                        .from = device::Event(device),
                                        .to = device::Event(device)})) {
  WEFT_ASSERT(kernels == KernelChoice::kAuto || kernels == KernelChoice::kVendor);
  choosers().emplace_back(stream.handle(), this);
}

KernelChooser::~KernelChooser() {
  std::erase_if(choosers(), [this](const auto& entry) { return entry.second == this; });
}

void KernelChooser::choose(const std::function<void()>& launch_all) {
  if (usable_libraries(impl_->vendor()).empty()) return;
  impl_->found.clear();
  impl_->looking = true;
  {
    const kernels::LaunchNothing nothing;
    launch_all();
  }
  impl_->looking = false;
  for (const std::string& name : impl_->order)
    if (const auto entry = impl_->found.find(name); entry != impl_->found.end())
      impl_->choose(entry->second);
  impl_->stream.synchronize();
}

bool KernelChooser::launch(const VendorCall& call) {
  if (!impl_->library_of(call).usable()) return false;
  if (impl_->looking) {
    impl_->look_at(call);
    return true;
  }
  const auto entry = impl_->chosen.find(call.name());
  if (entry == impl_->chosen.end() || entry->second.prepared == nullptr) return false;
  impl_->run(entry->second.prepared, call);
  return true;
}

const CallChoices& KernelChooser::choices() const {
  return impl_->choices;
}

std::vector<ChosenCall> KernelChooser::chosen() const {
  std::vector<ChosenCall> all;
  for (const std::string& name : impl_->order) all.push_back(impl_->chosen.at(name).shown);
  return all;
}

bool KernelChooser::has_measured() const {
  return impl_->measured;
}

std::string KernelChooser::library_in_use() const {
  std::set<std::string> libraries;
  for (const auto& [name, chosen] : impl_->chosen)
    if (chosen.prepared != nullptr)
      libraries.insert(chosen.shown.kernel.substr(0, chosen.shown.kernel.rfind(' ')));
  return joined({libraries.begin(), libraries.end()});
}

std::string usable_libraries(const device::VendorApi& vendor) {
  std::vector<std::string> libraries;
  for (const device::VendorLibrary* library : {&vendor.products(), &vendor.attention()})
    if (library->usable()) libraries.push_back(library->text());
  return joined(libraries);
}

std::vector<std::string> missing_libraries(const device::VendorApi& vendor) {
  std::vector<std::string> lines;
  for (const device::VendorLibrary* library : {&vendor.products(), &vendor.attention()})
    if (!library->usable())
      lines.push_back(std::string(library->name) + " cannot be used: " + library->why_not +
                      "; our own kernels " + library->task);
  return lines;
}

void choose_calls(void* stream, const std::function<void()>& launch_all) {
  if (KernelChooser* chooser = chooser_of(stream)) chooser->choose(launch_all);
}

void launch(void* stream, const VendorCall& call) {
  KernelChooser* chooser = chooser_of(stream);
  if (chooser == nullptr || !chooser->launch(call)) call.launch_own(stream);
}

void launch_gemm(const graph::KernelCall& call, const kernels::GemmSpec& spec,
                 const kernels::GemmArgs& args) {
  void* stream = call.device->stream;
  if (const std::optional<device::Product> product = vendor_product(spec, args))
    return launch(stream, ProductCall(*product, spec, args, call.device->one));
  kernels::gemm(weft::cuda::Stream{stream}, kernels::GemmLaunch{spec, args});
}

}  // namespace weft::ops
