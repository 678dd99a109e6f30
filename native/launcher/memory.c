/* What a compiler may call for an initializer or an assignment, of a program without a C library
 * too. volatile: so that it does not find the same loops in here, and call us for them. */
typedef unsigned long size;

void* memset(void* to, int byte, size count);
void* memcpy(void* restrict to, const void* restrict from, size count);

void* memset(void* to, int byte, size count) {
  volatile unsigned char* bytes = to;
  for (size i = 0; i < count; i++) bytes[i] = (unsigned char)byte;
  return to;
}

void* memcpy(void* restrict to, const void* restrict from, size count) {
  volatile unsigned char* bytes = to;
  const unsigned char* other = from;
  for (size i = 0; i < count; i++) bytes[i] = other[i];
  return to;
}
