// The names of users, as the C library finds them (/etc/passwd, LDAP, ...): may take its time.
#pragma once
#include <sys/types.h>

#include <string>

namespace users {

std::string name_of(uid_t uid);  // empty if it has none

}  // namespace users
