// error: suio::print\(x\) keeps x, which must be an rvalue that owns its bytes
//
// A view owns nothing, so keeping it would not keep the bytes.
#include <string_view>

#include "suio/suio.h"

int main() {
  async::suio s;
  s.print(std::string_view("hello"));
}
