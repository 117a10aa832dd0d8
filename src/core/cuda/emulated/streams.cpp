#include "core/cuda/emulated/streams.h"

#include <algorithm>
#include <chrono>

#include "weft/error.h"
#include "weft/philox.h"

namespace weft::device::emulated {
namespace {

void merge(std::vector<int>& into, const std::vector<int>& more) {
  into.insert(into.end(), more.begin(), more.end());
  std::sort(into.begin(), into.end());
  into.erase(std::unique(into.begin(), into.end()), into.end());
}

// Every node that `tail` comes after, and those of it.
std::vector<char> reached_from(const Graph& graph, const std::vector<int>& tail) {
  std::vector<char> reached(graph.nodes.size(), 0);
  std::vector<int> open = tail;
  while (!open.empty()) {
    const auto node = static_cast<size_t>(open.back());
    open.pop_back();
    if (reached[node] != 0) continue;
    reached[node] = 1;
    open.insert(open.end(), graph.nodes[node].after.begin(), graph.nodes[node].after.end());
  }
  return reached;
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

bool ready(const Graph& graph, const std::vector<char>& ran, size_t node) {
  if (ran[node] != 0) return false;
  const std::vector<int>& after = graph.nodes[node].after;
  return std::all_of(after.begin(), after.end(),
                     [&](int n) { return ran[static_cast<size_t>(n)] != 0; });
}

}  // namespace

void Scheduler::set_order(Order order, uint64_t seed) {
  order_ = order;
  seed_ = seed;
  drawn_ = 0;
}

Stream* Scheduler::add_stream() {
  streams_.push_back(std::make_unique<Stream>());
  return streams_.back().get();
}

void Scheduler::remove_stream(Stream* stream) {
  std::erase_if(streams_, [stream](const auto& s) { return s.get() == stream; });
}

Status Scheduler::put(Stream& stream, Body body) {
  if (stream.capture == nullptr) {
    stream.queue.push_back({.body = std::move(body)});
    return kSuccess;
  }
  std::vector<Node>& nodes = stream.capture->graph.nodes;
  nodes.push_back({std::move(body), stream.tail});
  stream.tail = {static_cast<int>(nodes.size()) - 1};
  return kSuccess;
}

Status Scheduler::record(const std::shared_ptr<Event>& event, Stream& stream) {
  event->capture = stream.capture;
  event->nodes = stream.tail;
  if (stream.capture != nullptr) return kSuccess;
  stream.queue.push_back({.event = event, .ticket = ++event->recorded});
  return kSuccess;
}

Status Scheduler::wait(Stream& stream, const std::shared_ptr<Event>& event) {
  if (event->capture == nullptr) {
    if (stream.capture != nullptr) return refuse_while_capturing();  // would not be in the graph
    if (event->recorded > event->reached)
      stream.queue.push_back({.event = event, .waits = true, .ticket = event->recorded});
    return kSuccess;
  }
  if (!event->capture->open || (stream.capture != nullptr && stream.capture != event->capture))
    return kBadArgument;
  stream.capture = event->capture;
  merge(stream.tail, event->nodes);
  return kSuccess;
}

Status Scheduler::begin_capture(Stream& stream) {
  if (stream.capture != nullptr) return refuse_while_capturing();
  stream.capture = std::make_shared<Capture>();
  captures_.push_back(stream.capture);
  stream.tail.clear();
  return kSuccess;
}

Status Scheduler::end_capture(Stream& stream, std::shared_ptr<const Graph>& graph) {
  const std::shared_ptr<Capture> capture = stream.capture;
  if (capture == nullptr) return kBadArgument;
  const std::vector<char> joined = reached_from(capture->graph, stream.tail);
  capture->open = false;
  for (const auto& s : streams_) {
    if (s->capture != capture) continue;
    s->capture = nullptr;
    s->tail.clear();
  }
  if (capture->broken) return kNotCaptured;
  if (std::find(joined.begin(), joined.end(), 0) != joined.end()) return kUnjoined;
  graph = std::make_shared<const Graph>(std::move(capture->graph));
  return kSuccess;
}

Status Scheduler::launch(const std::shared_ptr<const Graph>& graph, Stream& stream) {
  if (stream.capture != nullptr) return refuse_while_capturing();
  if (!graph->nodes.empty())
    stream.queue.push_back({.graph = graph, .ran = std::vector<char>(graph->nodes.size(), 0)});
  return kSuccess;
}

Status Scheduler::refuse_while_capturing() {
  bool refused = false;
  for (const auto& weak : captures_)
    if (const auto capture = weak.lock(); capture != nullptr && capture->open)
      refused = capture->broken = true;
  std::erase_if(captures_, [](const auto& weak) { return weak.expired(); });
  return refused ? kNotCaptured : kSuccess;
}

Status Scheduler::synchronize(Stream& stream) {
  if (const Status status = refuse_while_capturing(); status != kSuccess) return status;
  while (!stream.queue.empty())
    if (!step()) WEFT_ASSERT(stream.queue.empty());
  return kSuccess;
}

Status Scheduler::synchronize(Event& event) {
  if (const Status status = refuse_while_capturing(); status != kSuccess) return status;
  while (event.reached < event.recorded) WEFT_ASSERT(step());
  return kSuccess;
}

Status Scheduler::finish_all() {
  if (const Status status = refuse_while_capturing(); status != kSuccess) return status;
  while (step()) continue;
  return kSuccess;
}

// Waits for what has been reached cost nothing and choose nothing.
void Scheduler::skip_satisfied_waits() {
  for (const auto& s : streams_)
    while (!s->queue.empty() && s->queue.front().waits &&
           s->queue.front().event->reached >= s->queue.front().ticket)
      s->queue.pop_front();
}

void Scheduler::offer(Stream& stream, std::vector<Choice>& out) {
  if (stream.queue.empty()) return;
  const Operation& head = stream.queue.front();
  if (head.waits) return;
  if (head.graph == nullptr) return out.push_back({&stream, -1});
  for (size_t n = 0; n < head.ran.size(); ++n)
    if (ready(*head.graph, head.ran, n)) out.push_back({&stream, static_cast<int>(n)});
}

std::vector<Scheduler::Choice> Scheduler::choices() {
  skip_satisfied_waits();
  std::vector<Choice> result;
  for (const auto& s : streams_) offer(*s, result);
  return result;
}

size_t Scheduler::pick(size_t count) {
  switch (order_) {
    case Order::kForward: return 0;
    case Order::kReversed: return count - 1;
    case Order::kShuffled: return philox(seed_, drawn_++)[0] % count;
  }
  return 0;
}

bool Scheduler::step() {
  const std::vector<Choice> possible = choices();
  if (possible.empty()) return false;
  run(possible[pick(possible.size())]);
  skip_satisfied_waits();
  return true;
}

// What runs may throw: it is done by then, so that the queues go on as they are.
void Scheduler::run(const Choice& choice) {
  Operation& head = choice.stream->queue.front();
  Body body = head.body;
  if (choice.node >= 0) {
    body = head.graph->nodes[static_cast<size_t>(choice.node)].body;
    head.ran[static_cast<size_t>(choice.node)] = 1;
  } else if (head.event != nullptr) {
    head.event->reached = std::max(head.event->reached, head.ticket);
    head.event->seconds = now();
  }
  if (std::find(head.ran.begin(), head.ran.end(), 0) == head.ran.end())
    choice.stream->queue.pop_front();
  if (body != nullptr) (*body)();
}

}  // namespace weft::device::emulated
