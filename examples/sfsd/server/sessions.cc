// See sessions.h.
#include "examples/sfsd/server/sessions.h"

#include <algorithm>
#include <utility>

#include "examples/sfsd/base/openssl.h"

namespace sfs {

client_number hash_of(const char (&secret)[SFS_CLIENTSIZE]) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  if (EVP_Digest(secret, sizeof secret, digest, nullptr, EVP_sha256(), nullptr) != 1)
    openssl_broken("hashing a client's number");
  client_number n;
  std::copy_n(digest, n.size(), n.begin());
  return n;
}

std::vector<connection_number> session_table::claim(const client_number& client,
                                                    connection_number who, taker take) {
  const auto [at, is_new] = entries_.try_emplace(client);
  entry& e = at->second;
  if (is_new) {
    e.owner = who;
    auto made = std::make_unique<client_session>();
    made->number = client;
    take(std::move(made), false);
    return {};
  }
  if (e.session) {
    parked_.erase(e.parked);
    e.owner = who;
    take(std::move(e.session), true);
    return {};
  }
  std::vector<connection_number> others{e.owner};
  if (e.waiting) others.push_back(e.waiting);
  e.waiting = who;
  e.take = std::move(take);
  return others;
}

void session_table::give_back(const client_number& client, connection_number who,
                              std::unique_ptr<client_session> s) {
  const auto at = entries_.find(client);
  if (at == entries_.end()) return;
  entry& e = at->second;
  if (e.waiting == who) {
    e.waiting = 0;
    e.take = nullptr;
  } else if (e.owner == who && e.waiting) {
    e.owner = std::exchange(e.waiting, 0);
    std::exchange(e.take, nullptr)(std::move(s), true);
  } else if (e.owner == who) {
    e.owner = 0;
    e.session = std::move(s);
    e.parked = parked_.insert(parked_.end(), client);
    if (parked_.size() <= most_) return;
    entries_.erase(parked_.front());
    parked_.pop_front();
  }
}

}  // namespace sfs
