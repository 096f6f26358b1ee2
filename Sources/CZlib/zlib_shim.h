// zlib's headers are among the documented prerequisites of Swift on Linux, and in every macOS SDK.
#include <zlib.h>
