// XDR over a caller's bytes: what is decoded, and by how many threads at once.
#include "examples/sfsd/nfs/protocol.h"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace sfs::test {
namespace {

std::vector<std::uint8_t> encoded_name(const std::string& name) {
  std::vector<std::uint8_t> bytes(1100);
  filename3 value{static_cast<u_int>(name.size()), const_cast<char*>(name.data())};
  bytes.resize(xdr_encode(xdr_filename3, value, bytes));
  return bytes;
}

TEST(a_value, is_decoded_whatever_its_length_and_wherever_it_lies) {
  for (std::size_t size = 0; size <= 70; ++size)
    for (std::size_t off : {0, 1, 2, 3}) {
      const std::string name(size, 'n');
      std::vector<std::uint8_t> bytes = encoded_name(name);
      EXPECT_EQ(bytes.size(), 4 + (size + 3) / 4 * 4);
      bytes.insert(bytes.begin(), off, 0xff);
      xdr_value<filename3, xdr_filename3> value;
      ASSERT_TRUE(value.decode(const_bytes(bytes).subspan(off))) << size << " at " << off;
      EXPECT_EQ(text_of(*value), name);
      for (std::size_t cut = off; cut < bytes.size(); ++cut) {
        xdr_value<filename3, xdr_filename3> less;
        EXPECT_FALSE(less.decode(const_bytes(bytes).subspan(off, cut - off))) << size;
      }
    }
}

// For ThreadSanitizer: libtirpc has one buffer for the padding that all threads read.
TEST(a_value, is_decoded_by_several_threads_at_once) {
  std::vector<std::thread> threads;
  for (int n = 0; n < 4; ++n)
    threads.emplace_back([n] {
      const std::string name(static_cast<std::size_t>(n) + 1, 'n');
      const std::vector<std::uint8_t> bytes = encoded_name(name);
      for (int i = 0; i < 1000; ++i) {
        xdr_value<filename3, xdr_filename3> value;
        ASSERT_TRUE(value.decode(bytes));
        ASSERT_EQ(text_of(*value), name);
      }
    });
  for (auto& t : threads) t.join();
}

}  // namespace
}  // namespace sfs::test
