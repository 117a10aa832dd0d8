#include "naive_gpt2.h"

#include <algorithm>
#include <cmath>

namespace weft::generate {
namespace {

std::vector<double> sum(std::vector<double> a, const std::vector<double>& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

}  // namespace

NaiveGpt2::NaiveGpt2(const std::string& folder) : file_(folder + "/model.safetensors") {
  const auto config = nlohmann::json::parse(read_whole(folder + "/config.json"));
  width_ = config.at("n_embd");
  heads_ = config.at("n_head");
  layers_ = config.at("n_layer");
  epsilon_ = config.at("layer_norm_epsilon");
}

std::vector<float> NaiveGpt2::next_logits(const std::vector<int32_t>& tokens) {
  std::vector<Row> hidden;
  for (size_t t = 0; t < tokens.size(); ++t) {
    hidden.push_back(sum(row("wte.weight", static_cast<size_t>(tokens[t])), row("wpe.weight", t)));
  }
  for (size_t layer = 0; layer < layers_; ++layer) block(hidden, "h." + std::to_string(layer));
  const Row last = norm(hidden.back(), "ln_f");
  const std::vector<double>& head = tensor("wte.weight");
  std::vector<float> logits;
  for (size_t v = 0; v < head.size() / width_; ++v) {
    double dot = 0;
    for (size_t c = 0; c < width_; ++c) dot += last[c] * head[v * width_ + c];
    logits.push_back(static_cast<float>(dot));
  }
  return logits;
}

const std::vector<double>& NaiveGpt2::tensor(const std::string& name) {
  auto [entry, is_new] = tensors_.try_emplace(name);
  if (is_new) {
    const std::vector<float> values = file_.read<float>("transformer." + name);
    entry->second.assign(values.begin(), values.end());
  }
  return entry->second;
}

NaiveGpt2::Row NaiveGpt2::row(const std::string& name, size_t index) {
  const auto begin = tensor(name).begin() + static_cast<int64_t>(index * width_);
  return {begin, begin + static_cast<int64_t>(width_)};
}

NaiveGpt2::Row NaiveGpt2::norm(const Row& x, const std::string& name) {
  double mean = 0, variance = 0;
  for (const double value : x) mean += value / static_cast<double>(width_);
  for (const double value : x) variance += (value - mean) * (value - mean);
  const double scale = 1 / std::sqrt(variance / static_cast<double>(width_) + epsilon_);
  Row y(width_);
  for (size_t c = 0; c < width_; ++c) {
    y[c] = (x[c] - mean) * scale * tensor(name + ".weight")[c] + tensor(name + ".bias")[c];
  }
  return y;
}

NaiveGpt2::Row NaiveGpt2::linear(const Row& x, const std::string& name) {  // weights are [in, out]
  Row y = tensor(name + ".bias");
  const std::vector<double>& weight = tensor(name + ".weight");
  for (size_t i = 0; i < x.size(); ++i) {
    for (size_t o = 0; o < y.size(); ++o) y[o] += x[i] * weight[i * y.size() + o];
  }
  return y;
}

void NaiveGpt2::block(std::vector<Row>& hidden, const std::string& name) {
  std::vector<Row> qkv;
  for (const Row& x : hidden) qkv.push_back(linear(norm(x, name + ".ln_1"), name + ".attn.c_attn"));
  for (size_t t = 0; t < hidden.size(); ++t) {
    hidden[t] = sum(hidden[t], linear(attend(qkv, t), name + ".attn.c_proj"));
    Row inner = linear(norm(hidden[t], name + ".ln_2"), name + ".mlp.c_fc");
    for (double& u : inner) {
      u *= 0.5 * (1 + std::tanh(std::sqrt(2 / std::acos(-1.0)) * (u + 0.044715 * u * u * u)));
    }
    hidden[t] = sum(hidden[t], linear(inner, name + ".mlp.c_proj"));
  }
}

NaiveGpt2::Row NaiveGpt2::attend(const std::vector<Row>& qkv, size_t t) const {
  Row out(width_);
  const size_t size = width_ / heads_;
  for (size_t begin = 0; begin < width_; begin += size) {
    Row weights(t + 1);
    for (size_t s = 0; s <= t; ++s) {
      for (size_t d = begin; d < begin + size; ++d) weights[s] += qkv[t][d] * qkv[s][width_ + d];
      weights[s] /= std::sqrt(static_cast<double>(size));
    }
    const double largest = *std::max_element(weights.begin(), weights.end());
    double total = 0;
    for (double& w : weights) total += w = std::exp(w - largest);
    for (size_t s = 0; s <= t; ++s) {
      for (size_t d = begin; d < begin + size; ++d) {
        out[d] += weights[s] / total * qkv[s][2 * width_ + d];
      }
    }
  }
  return out;
}

}  // namespace weft::generate
