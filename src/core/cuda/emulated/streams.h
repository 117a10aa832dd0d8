// The emulated device's streams, events and graphs: queues whose work runs when the host waits for
// it, in any order that CUDA allows. What a missing event or a missing wait would let a GPU do,
// this device does on purpose, so that it shows as wrong results under some order.
//
// Compiled into libweft_emulated.so alone. One thread at a time.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <vector>

#include "core/cuda/api.h"

namespace weft::device::emulated {

using Body = std::shared_ptr<const std::function<void()>>;

struct Node {
  Body body;
  std::vector<int> after;  // nodes that must have run
};
struct Graph {
  std::vector<Node> nodes;
};

// What a stream captures into; shared by the streams that joined.
struct Capture {
  Graph graph;
  bool open = true;
  bool broken = false;  // something was called that must not be while work is captured
};

struct Event {
  uint64_t recorded = 0;             // how often it was put on a stream
  uint64_t reached = 0;              // and how many of those the stream has come to
  double seconds = 0;                // when it did last
  std::shared_ptr<Capture> capture;  // that it was last recorded in
  std::vector<int> nodes;            // of that capture that it stands for
};

struct Operation {
  Body body;                     // one of these three: run it,
  std::shared_ptr<Event> event;  // record it or wait for it,
  std::shared_ptr<const Graph> graph;
  bool waits = false;     // for the event
  uint64_t ticket = 0;    // which recording
  std::vector<char> ran;  // nodes of the graph
};

struct Stream {
  std::deque<Operation> queue;
  std::shared_ptr<Capture> capture;
  std::vector<int> tail;  // nodes after which the next captured one comes
};

class Scheduler {
 public:
  void set_order(Order order, uint64_t seed);
  Stream* add_stream();
  void remove_stream(Stream* stream);  // whose work is done

  // Each returns what the CUDA runtime would say.
  Status put(Stream& stream, Body body);
  Status record(const std::shared_ptr<Event>& event, Stream& stream);
  Status wait(Stream& stream, const std::shared_ptr<Event>& event);
  Status begin_capture(Stream& stream);
  Status end_capture(Stream& stream, std::shared_ptr<const Graph>& graph);
  Status launch(const std::shared_ptr<const Graph>& graph, Stream& stream);
  Status synchronize(Stream& stream);
  Status synchronize(Event& event);
  Status finish_all();
  // Not allowed while anything is captured: breaks the capture and says so.
  Status refuse_while_capturing();

 private:
  struct Choice {
    Stream* stream;
    int node;  // of the graph at the stream's head; -1: the operation itself
  };
  std::vector<Choice> choices();
  void offer(Stream& stream, std::vector<Choice>& out);
  void skip_satisfied_waits();
  bool step();  // runs one thing; false if nothing can run
  void run(const Choice& choice);
  size_t pick(size_t count);

  std::vector<std::unique_ptr<Stream>> streams_;
  std::vector<std::weak_ptr<Capture>> captures_;
  Order order_ = Order::kForward;
  uint64_t seed_ = 0, drawn_ = 0;
};

}  // namespace weft::device::emulated
