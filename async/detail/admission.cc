// See admission.h. Serves stage 2.
#include "async/detail/admission.h"

#include <sys/random.h>

#include <memory>
#include <utility>

#include "wrap/detail/misuse.h"

namespace async {

connection_slot::connection_slot(connection_slot&& other) noexcept {
  detail::admission::move(other, *this);
}

void connection_slot::end() noexcept {
  if (!admission_) return;
  const ptr<refcount> held = std::exchange(admission_, nullptr);
  static_cast<detail::admission&>(*held).end(*this);
}

void connection_slot::register_drain(refcount* self, void (*call)(refcount&), const color& under,
                                     bool is_member, where site) {
  if (!is_member) detail::misuse(site, "the connection_slot is not a member of the object");
  if (!admission_) return;
  static_cast<detail::admission&>(*admission_)
      .register_drain(*this, mkref(self), call, under, site);
}

namespace detail {

namespace {

constexpr std::size_t told_at_once = 64;
constexpr std::size_t first_buckets = 16;

std::uint64_t random_number() {
  std::uint64_t number = 0;
  if (getrandom(&number, sizeof number, GRND_NONBLOCK) != sizeof number) {
    number = reinterpret_cast<std::uintptr_t>(&number);  // at boot: better than nothing
  }
  return number;
}

}  // namespace

// What is posted to tell a connection. It holds the object, and the slot is a member of that.
struct admission::visit {
  ref<admission> self;
  ref<refcount> target;
  connection_slot* slot;

  void operator()() {
    ptr<refcount> registered;
    {
      const std::lock_guard lock(self->mutex_);
      if (slot->target_ == target.get() && !self->closed_) registered = std::move(slot->target_);
    }
    if (registered) slot->call_(*registered);
  }
};

std::size_t admission::hash_network::operator()(std::uint64_t network) const noexcept {
  __extension__ using wide = unsigned __int128;
  const wide product = static_cast<wide>(network ^ key[0]) * (key[1] | 1);
  return static_cast<std::size_t>(product ^ product >> 64);
}

admission::admission(const server_options& options)
    : options_(options),
      buckets_(first_buckets),
      addresses_(address_table::bucket_traits(buckets_.data(), buckets_.size()),
                 hash_network{{random_number(), random_number()}}) {}

// Every slot holds us, so there is none left.
admission::~admission() = default;

void admission::on_change(cbv room, cbv gone) {
  const std::lock_guard lock(mutex_);
  room_ = std::move(room);
  gone_ = std::move(gone);
}

admission::verdict admission::admit(const peer_address& peer, color its_color,
                                    connection_slot& slot) {
  const std::lock_guard lock(mutex_);
  const std::size_t most = options_.connections;
  if (most != 0 && count_.connections >= most) {
    ++count_.refused_full;
    return verdict::full;
  }
  if (options_.per_address != 0 && peer.family() != AF_UNSPEC) {
    slot.address_ = count_address(peer);
    if (slot.address_ == nullptr) {
      ++count_.refused_by_address;
      return verdict::too_many_of_address;
    }
  }
  slot.admission_ = mkref(this);
  slot.color_ = std::move(its_color);
  (draining_ ? told_ : untold_).push_back(slot);
  ++count_.accepted;
  if (++count_.connections != most || options_.full == when_full::refuse) return verdict::welcome;
  full_ = true;
  return verdict::welcome_and_full;
}

address_count* admission::count_address(const peer_address& peer) {
  const std::uint64_t network = peer.network(options_.ipv4_bits, options_.ipv6_bits);
  address_table::insert_commit_data place;
  auto [found, is_new] = addresses_.insert_check(network, place);
  if (is_new) {
    auto made = std::make_unique<address_count>(network);
    if (addresses_.size() >= addresses_.bucket_count()) {
      grow();
      addresses_.insert_check(network, place);
    }
    found = addresses_.insert_commit(*made.release(), place);
  } else if (found->connections >= options_.per_address) {
    return nullptr;
  }
  ++found->connections;
  return &*found;
}

void admission::grow() {
  bucket_array larger(2 * buckets_.size());
  addresses_.rehash(address_table::bucket_traits(larger.data(), larger.size()));
  buckets_.swap(larger);
}

void admission::uncount_address(address_count* a) noexcept {
  if (--a->connections != 0) return;
  addresses_.erase_and_dispose(addresses_.iterator_to(*a), std::default_delete<address_count>());
}

void admission::move(connection_slot& from, connection_slot& to) noexcept {
  if (!from.admission_) return;
  const ptr<refcount> held = from.admission_;
  const std::lock_guard lock(static_cast<admission&>(*held).mutex_);
  if (from.target_) misuse(where::current(), "a connection_slot was moved after on_drain()");
  to.admission_ = std::move(from.admission_);
  to.color_ = std::move(from.color_);
  to.hook_.swap_nodes(from.hook_);
  to.address_ = std::exchange(from.address_, nullptr);
}

void admission::end(connection_slot& slot) noexcept {
  ptr<refcount> dropped;  // with no lock held
  callback<void>::ptr room, gone;
  {
    const std::lock_guard lock(mutex_);
    slot.hook_.unlink();
    dropped = std::move(slot.target_);
    if (slot.address_ != nullptr) uncount_address(std::exchange(slot.address_, nullptr));
    --count_.connections;
    if (std::exchange(full_, false)) room = room_;
    if (draining_ && count_.connections == 0) gone = gone_;
  }
  if (room) cpucb(cbv(std::move(room)));
  if (gone) cpucb(cbv(std::move(gone)));
}

void admission::register_drain(connection_slot& slot, ptr<refcount> self, void (*call)(refcount&),
                               const color& under, where site) {
  const std::lock_guard lock(mutex_);
  if (slot.target_) misuse(site, "on_drain() was called twice");
  if (closed_) return;
  slot.target_ = std::move(self);
  slot.call_ = call;
  slot.color_ = under;
  if (draining_) tell(slot);
}

void admission::tell(connection_slot& slot) {
  if (!slot.target_) return;
  post(slot.color_, visit{mkref(this), ref<refcount>(slot.target_), &slot});
}

void admission::drain() {
  const std::lock_guard lock(mutex_);
  draining_ = true;
}

bool admission::tell_some() {
  const std::lock_guard lock(mutex_);
  for (std::size_t n = 0; n < told_at_once && !untold_.empty(); ++n) {
    connection_slot& slot = untold_.front();
    untold_.pop_front();
    told_.push_back(slot);
    tell(slot);
  }
  return !untold_.empty();
}

void admission::close() {
  callback<void>::ptr room, gone;  // dropped with no lock held
  const std::lock_guard lock(mutex_);
  closed_ = true;
  room = std::move(room_);
  gone = std::move(gone_);
}

server::counters admission::count() const {
  const std::lock_guard lock(mutex_);
  return count_;
}

}  // namespace detail
}  // namespace async
