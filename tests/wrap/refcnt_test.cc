// What ref, ptr, refcounted, mkref and finalize promise (wrap/refcnt.h), in one thread.
//
// Serves no stage of the data flow.
#include "wrap/refcnt.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "tests/wrap/probe.h"

namespace {

using namespace async;
using async::test::probe;
using async::test::tally;

// A counted class, which counts its lives and its finalizations.
struct node : refcount {
  explicit node(tally& counts) : life(counts) {}
  probe life;
  ptr<node> next;
};

struct leaf : node {
  using node::node;
};

// A class that knows nothing of counts.
struct table {
  explicit table(int size, std::string name = "") : size(size), name(name) {}
  int size;
  std::string name;
};

// Two counted bases' worth of offsets: the refcount is not at the start.
struct other_base {
  virtual ~other_base() = default;
  int padding = 0;
};
struct offset_node : other_base, node {
  using node::node;
};
struct virtual_node : virtual refcount {
  int value = 4;
};

TEST(Ref, AnObjectLivesAsLongAsAHandleToIt) {
  tally counts;
  ptr<node> first = make_ref<node>(counts);
  ptr<node> second = first;
  first = nullptr;
  EXPECT_EQ(counts.alive, 1);
  second = nullptr;
  EXPECT_EQ(counts.alive, 0);
}

TEST(Ref, TheCountIsTheNumberOfHandles) {
  tally counts;
  ref<node> one = make_ref<node>(counts);
  EXPECT_EQ(one->use_count(), 1u);
  {
    ptr<node> two = one;
    ref<node> three = mkref(one.get());
    EXPECT_EQ(one->use_count(), 3u);
  }
  EXPECT_EQ(one->use_count(), 1u);
}

TEST(Ref, MovingDoesNotTouchTheCount) {
  tally counts;
  ptr<node> from = make_ref<node>(counts);
  ptr<node> to = std::move(from);
  EXPECT_EQ(to->use_count(), 1u);
  EXPECT_EQ(from, nullptr);
  ref<node> sure = ref<node>(std::move(to));
  EXPECT_EQ(sure->use_count(), 1u);
  EXPECT_EQ(to, nullptr);
}

TEST(Ref, AMovedFromRefMayBeAssignedTo) {
  tally counts;
  ref<node> a = make_ref<node>(counts);
  ref<node> b = std::move(a);
  a = b;
  EXPECT_EQ(a, b);
  EXPECT_EQ(a->use_count(), 2u);
}

TEST(Ref, AssigningAHandleToItselfChangesNothing) {
  tally counts;
  ptr<node> p = make_ref<node>(counts);
  ptr<node>& same = p;
  p = same;
  EXPECT_EQ(p->use_count(), 1u);
  p = std::move(same);
  ASSERT_NE(p, nullptr);
  EXPECT_EQ(p->use_count(), 1u);
  EXPECT_EQ(counts.alive, 1);
}

// A regression of the original: the old object was released first, and its successor with it.
TEST(Ref, AHandleMayBeAssignedFromItsOwnSuccessor) {
  tally counts;
  ptr<node> p = make_ref<node>(counts);
  p->next = make_ref<node>(counts);
  node* successor = p->next.get();
  p = p->next;
  EXPECT_EQ(p, successor);
  EXPECT_EQ(p->use_count(), 1u);
  EXPECT_EQ(counts.alive, 1);

  p->next = make_ref<node>(counts);
  p = std::move(p->next);
  EXPECT_EQ(p->use_count(), 1u);
  EXPECT_EQ(counts.alive, 1);
}

TEST(Ref, ALongListIsTakenApartOneByOne) {
  tally counts;
  ptr<node> head;
  for (int i = 0; i < 1'000'000; i++) {
    ptr<node> longer = make_ref<node>(counts);
    longer->next = std::move(head);
    head = std::move(longer);
  }
  while (head) head = head->next;
  EXPECT_EQ(counts.alive, 0);
}

// The old object's end may come back to the handle, which has its new value by then.
TEST(Ref, TheOldObjectIsReleasedLast) {
  struct watcher : refcount {
    watcher(ptr<watcher>& watched, int& seen) : watched_(watched), seen_(seen) {}
    ~watcher() override { seen_ = watched_ != nullptr && watched_ != this ? 1 : -1; }
    ptr<watcher>& watched_;
    int& seen_;
  };
  int seen[3] = {};
  ptr<watcher> p;
  p = make_ref<watcher>(p, seen[0]);
  p = make_ref<watcher>(p, seen[1]);  // a move
  EXPECT_EQ(seen[0], 1);
  ptr<watcher> other = make_ref<watcher>(p, seen[2]);
  p = other;
  EXPECT_EQ(seen[1], 1);
}

TEST(Ref, ConvertsToAHandleOfABaseAndOfConst) {
  tally counts;
  ref<leaf> l = make_ref<leaf>(counts);
  ref<node> n = l;
  ref<const node> c = n;
  ptr<refcount> r = l;
  EXPECT_EQ(l->use_count(), 4u);
  n = make_ref<leaf>(counts);
  EXPECT_EQ(l->use_count(), 3u);
  static_assert(!std::is_convertible_v<ref<node>, ref<leaf>>);
  static_assert(!std::is_convertible_v<ref<const node>, ref<node>>);
  static_assert(!std::is_convertible_v<ptr<node>, ref<node>>);
  static_assert(std::is_convertible_v<ref<node>, ptr<node>>);
}

TEST(Ref, AdjustsThePointerToABaseAtAnotherOffset) {
  tally counts;
  ref<offset_node> o = make_ref<offset_node>(counts);
  ref<node> n = o;
  EXPECT_NE(static_cast<void*>(n.get()), static_cast<void*>(o.get()));
  o = make_ref<offset_node>(counts);
  EXPECT_EQ(counts.alive, 2);
  n = o;
  EXPECT_EQ(counts.alive, 1);

  ref<virtual_node> v = make_ref<virtual_node>();
  ref<refcount> r = v;
  EXPECT_EQ(v->use_count(), 2u);
}

TEST(Ref, HandlesCompareByAddress) {
  tally counts;
  ref<node> a = make_ref<node>(counts);
  ref<node> b = make_ref<node>(counts);
  ptr<node> also_a = a;
  EXPECT_TRUE(a == also_a);
  EXPECT_TRUE(a == a.get());
  EXPECT_TRUE(a != b);
  EXPECT_EQ(a < b, std::less<>()(a.get(), b.get()));
  EXPECT_TRUE(ptr<node>() == nullptr);
  EXPECT_FALSE(ptr<node>());
  std::unordered_set<ref<node>> set{a, b, a};
  EXPECT_EQ(set.size(), 2u);
  std::unordered_set<ptr<node>> maybe{also_a, nullptr};
  EXPECT_EQ(maybe.size(), 2u);
}

TEST(Ref, NamesThePtrOfTheSameClassAndBack) {
  static_assert(std::is_same_v<ref<node>::ptr, ptr<node>>);
  static_assert(std::is_same_v<ptr<node>::ref, ref<node>>);
}

TEST(Ref, IsOnePointerWide) {
  EXPECT_EQ(sizeof(ref<node>), sizeof(void*));
  EXPECT_EQ(sizeof(ptr<int>), sizeof(void*));
  EXPECT_LE(sizeof(refcount), 16u);
}

TEST(Refcounted, CountsAClassThatIsNotCounted) {
  ref<table> t = new refcounted<table>(17, "a");
  EXPECT_EQ(t->size, 17);
  ptr<table> p = t;
  ref<const table> c = t;
  p = new refcounted<table>(18);
  EXPECT_EQ(p->size, 18);
  EXPECT_EQ(c->name, "a");
}

TEST(Refcounted, CountsWhatCannotBeABaseClass) {
  struct sealed final {
    int value;
  };
  ref<int> i = make_ref<int>(5);
  ref<const int> c = i;
  *i = 6;
  EXPECT_EQ(*c, 6);
  ref<sealed> s = make_ref<sealed>(sealed{7});
  ptr<sealed> p = s;
  EXPECT_EQ(p->value, 7);
  ptr<int> from_new = new refcounted<int>(8);
  EXPECT_EQ(*from_new, 8);
  ptr<int> none = static_cast<refcounted<int>*>(nullptr);
  EXPECT_EQ(none, nullptr);
}

TEST(Refcounted, AlsoHoldsAClassThatIsCountedItself) {
  tally counts;
  ptr<node> n = new refcounted<node>(counts);
  EXPECT_EQ(n->use_count(), 1u);
  n = nullptr;
  EXPECT_EQ(counts.alive, 0);
}

TEST(Refcounted, ConvertsToTheCountedBaseOfEverything) {
  tally counts;
  ref<probe> p = make_ref<probe>(counts);
  ptr<refcount> r = p;
  ptr<refcount> of_int = make_ref<int>(1);
  EXPECT_EQ(r->use_count(), 2u);
  EXPECT_EQ(of_int->use_count(), 1u);
  p = make_ref<probe>(counts);
  EXPECT_EQ(counts.alive, 2);
  r = nullptr;
  EXPECT_EQ(counts.alive, 1);
}

TEST(Refcounted, TakesMoveOnlyArguments) {
  auto made = make_ref<std::unique_ptr<int>>(std::make_unique<int>(3));
  EXPECT_EQ(**made, 3);
}

// Keeps its objects, as a pool does, and counts how often.
struct pooled : refcount {
  explicit pooled(std::vector<pooled*>& pool) : pool_(pool) {}
  void finalize() override { pool_.push_back(this); }
  void destroy() { delete this; }
  std::vector<pooled*>& pool_;
};

TEST(Finalize, IsCalledOnceWhenTheLastHandleGoesInPlaceOfDelete) {
  std::vector<pooled*> pool;
  ptr<pooled> a = make_ref<pooled>(pool);
  ptr<pooled> b = a;
  a = nullptr;
  EXPECT_TRUE(pool.empty());
  pooled* object = b.get();
  b = nullptr;
  ASSERT_EQ(pool, std::vector<pooled*>{object});
  EXPECT_EQ(object->use_count(), 0u);

  a = mkref(object);  // and again after its next life
  EXPECT_EQ(object->use_count(), 1u);
  a = nullptr;
  EXPECT_EQ(pool.size(), 2u);
  object->destroy();
}

TEST(Finalize, IsCalledThroughAHandleOfABase) {
  std::vector<pooled*> pool;
  ptr<refcount> base = make_ref<pooled>(pool);
  base = nullptr;
  ASSERT_EQ(pool.size(), 1u);
  pool[0]->destroy();
}

TEST(Mkref, InAConstructorMakesAHandleThatMayOutliveIt) {
  struct registered : refcount {
    explicit registered(std::vector<ref<registered>>& all) { all.push_back(mkref(this)); }
  };
  std::vector<ref<registered>> all;
  {
    ref<registered> one = make_ref<registered>(all);
    EXPECT_EQ(one->use_count(), 2u);
  }
  EXPECT_EQ(all[0]->use_count(), 1u);
}

TEST(MakeRef, LeaksNothingWhenTheConstructorThrows) {
  struct thrower : refcount {
    explicit thrower(tally& counts) : life(counts) { throw std::runtime_error("no"); }
    probe life;
  };
  tally counts;
  EXPECT_THROW(make_ref<thrower>(counts), std::runtime_error);
  EXPECT_EQ(counts.alive, 0);
}

TEST(Refcount, CopyingAnObjectDoesNotCopyItsCount) {
  struct value : refcount {
    int n = 0;
  };
  ref<value> a = make_ref<value>();
  ref<value> again = a;
  a->n = 3;
  ref<value> b = make_ref<value>(*a);
  EXPECT_EQ(b->use_count(), 1u);
  EXPECT_EQ(b->n, 3);
  *b = *a;
  EXPECT_EQ(b->use_count(), 1u);
  EXPECT_EQ(a->use_count(), 2u);
}

TEST(RefDeathTest, ANullPtrMadeARefAbortsNamingTheLine) {
  ptr<int> none;
  EXPECT_DEATH(ref<int>{none}, "refcnt_test.cc:[0-9]+: a null ptr was converted to a ref");
  EXPECT_DEATH(ref<const int>{std::move(none)}, "refcnt_test.cc:[0-9]+: a null ptr");
}

#ifndef NDEBUG
TEST(RefDeathTest, UsingAHollowRefAssertsInDebugBuilds) {
  ref<int> a = make_ref<int>(1);
  ref<int> b = std::move(a);
  EXPECT_DEATH(*a = 2, "object_ != nullptr");
}

TEST(RefDeathTest, DestroyingAnObjectThatIsHeldAssertsInDebugBuilds) {
  struct plain : refcount {};
  EXPECT_DEATH(
      {
        plain on_the_stack;
        mkref(&on_the_stack).get()->retain();
      },
      "deleted while there are handles");
}
#endif

}  // namespace
