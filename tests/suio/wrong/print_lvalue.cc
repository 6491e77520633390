// error: suio::print\(x\) keeps x, which must be an rvalue that owns its bytes
//
// A string that stays with the caller can't be kept by the suio.
#include <string>

#include "suio/suio.h"

int main() {
  std::string text = "hello";
  async::suio s;
  s.print(text);
}
