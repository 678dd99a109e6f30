// The names of users and groups, as the C library finds them (/etc/passwd, LDAP, ...): may take its
// time.
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include <string>

namespace users {

std::string name_of(uid_t uid);           // empty if it has none
int64_t uid_of(const std::string& name);  // -1: nobody has it
int64_t gid_of(const std::string& name);  // of a group

}  // namespace users
