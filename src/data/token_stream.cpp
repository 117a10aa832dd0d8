// Shards end to end.
#include "data/token_stream.h"
#include "core/quote.h"

#include <algorithm>

namespace weft::data {

TokenStream::TokenStream(std::span<const Path> folders, Split split) {
  WEFT_ASSERT(!folders.empty());
  name_ = std::string(name_of(split)) + " split of " + quote_path(folders.front());
  for (const Path& folder : folders) add_folder(folder, split);
  if (folders.size() > 1) name_ += " and " + std::to_string(folders.size() - 1) + " more";
}

void TokenStream::add_folder(const Path& folder, Split split) {
  const DatasetManifest manifest = read_manifest(folder);
  if (!manifest.complete)
    throw Error(quote_path(folder) +
                " is not whole yet, `weft prepare` is writing it or was interrupted; name the "
                "folder that it was told to write");
  const bool first = tokenizer_hash_.empty();
  if (!first && (manifest.tokenizer_hash != tokenizer_hash_ ||
                 manifest.eos_token_id != eos_token_id_ || manifest.vocab_size != vocab_size_))
    throw Error(quote_path(folder) + " was made with another tokenizer than the " + name_ +
                "; prepare all datasets of a run with the same one");
  tokenizer_hash_ = manifest.tokenizer_hash;
  vocab_size_ = manifest.vocab_size;
  eos_token_id_ = manifest.eos_token_id;
  const SplitContent& content = manifest.split(split);
  for (size_t i = 0; i < content.shards.size(); ++i)
    add_shard(folder / shard_name(split, i), content.shards[i], manifest.vocab_size);
  documents_ += content.documents;
  bytes_ += content.bytes;
}

void TokenStream::extend(const Path& folder, const DatasetManifest& manifest, Split split) {
  const std::vector<ShardSummary>& listed = manifest.split(split).shards;
  const std::unique_lock lock(mutex_);
  for (size_t i = 0; i < std::min(listed.size(), shards_.size()); ++i)
    if (shards_[i]->summary() != listed[i])
      throw Error("shard " + quote_path(folder / shard_name(split, i)) +
                  " is another one than was read before: the text was prepared anew; start again "
                  "in another output_dir");
  tokenizer_hash_ = manifest.tokenizer_hash;
  vocab_size_ = manifest.vocab_size;
  eos_token_id_ = manifest.eos_token_id;
  bytes_ = manifest.split(split).bytes;
  for (size_t i = shards_.size(); i < listed.size(); ++i) {
    add_shard(folder / shard_name(split, i), listed[i], manifest.vocab_size);
    documents_ += listed[i].documents;
  }
}

void TokenStream::add_shard(const Path& path, const ShardSummary& expected, int32_t vocab_size) {
  Shard shard(path);
  if (shard->summary() != expected || shard->vocab_size() != vocab_size)
    throw Error("shard " + quote_path(path) + " is not the one that " + std::string(kManifestName) +
                " beside it lists (its hash or counts differ); restore the folder or run `weft "
                "prepare` again");
  begins_.push_back(begins_.back() + shard->tokens());
  shards_.push_back(std::move(shard));
}

void TokenStream::check_range(int64_t begin, size_t count) const {
  const int64_t size = static_cast<int64_t>(count);
  WEFT_ASSERT(begin >= 0 && size <= begins_.back() && begin <= begins_.back() - size);
}

template <class Body>
void TokenStream::for_each_part(int64_t begin, size_t count, Body body) const {
  const std::shared_lock lock(mutex_);
  check_range(begin, count);
  const int64_t end = begin + static_cast<int64_t>(count);
  auto next = std::upper_bound(begins_.begin(), begins_.end(), begin);
  for (int64_t at = begin; at < end; ++next) {
    const size_t shard = static_cast<size_t>(next - begins_.begin()) - 1;
    const int64_t part_end = std::min(*next, end);
    body(*shards_[shard], at - begins_[shard], at - begin, part_end - at);
    at = part_end;
  }
}

void TokenStream::read(int64_t begin, std::span<int32_t> out) const {
  for_each_part(
      begin, out.size(), [&](const ShardView& shard, int64_t first, int64_t offset, int64_t count) {
        shard.read(first, out.subspan(static_cast<size_t>(offset), static_cast<size_t>(count)));
      });
}

void TokenStream::document_begins(int64_t begin, std::span<int32_t> out) const {
  int32_t current = 0;
  for_each_part(begin, out.size(),
                [&](const ShardView& shard, int64_t first, int64_t offset, int64_t count) {
                  int64_t document = shard.first_document_from(first);
                  for (int64_t done = 0; done < count;) {
                    const bool more = document < shard.documents();
                    const int64_t start = more ? shard.document_start(document) - first : count;
                    const int64_t until = std::min(start, count);
                    std::fill(out.begin() + offset + done, out.begin() + offset + until, current);
                    done = until;
                    if (done == count) break;
                    current = static_cast<int32_t>(offset + start);
                    ++document;
                  }
                });
}

void TokenStream::for_each_document(
    const std::function<void(int64_t begin, int64_t end)>& body) const {
  int64_t begin = 0;  // a document may go on in the next shard
  int64_t shard_begin = 0;
  for (const Shard* shard : shards()) {
    const ShardView& view = **shard;
    for (int64_t i = 0; i < view.documents(); ++i) {
      const int64_t start = shard_begin + view.document_start(i);
      if (start > begin) body(begin, start);
      begin = start;
    }
    shard_begin += view.tokens();
  }
  if (shard_begin > begin) body(begin, shard_begin);
}

void TokenStream::verify() const {
  for (const Shard* shard : shards()) (*shard)->verify();
}

std::vector<const Shard*> TokenStream::shards() const {
  const std::shared_lock lock(mutex_);
  std::vector<const Shard*> all;
  for (const Shard& shard : shards_) all.push_back(&shard);
  return all;
}

void TokenStream::check_vocabulary(int64_t model_vocab_size) const {
  const int32_t mine = vocab_size();
  if (mine <= model_vocab_size) return;
  throw Error("the " + name_ + " has a vocabulary of " + std::to_string(mine) +
              " tokens, the model's vocab_size is " + std::to_string(model_vocab_size) +
              "; set vocab_size to " + std::to_string(mine) +
              " or more, or prepare the text with a smaller tokenizer");
}

}  // namespace weft::data
