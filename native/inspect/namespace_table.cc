#include "inspect/namespace_table.h"

#include <algorithm>
#include <iterator>
#include <tuple>
#include <utility>

#include "base/kernel.h"
#include "base/namespaces.h"
#include "inspect/netlink.h"

namespace scan {
namespace {

size_t slot_of(uint64_t inode, size_t slots) { return (inode * 2654435761U) & (slots - 1); }

}  // namespace

int Table::find(uint64_t inode) const {
  for (size_t at = slot_of(inode, slots_.size());; at = (at + 1) & (slots_.size() - 1)) {
    if (slots_[at] == 0) return -1;
    const int row = static_cast<int>(slots_[at] - 1);
    if (rows[row].inode == inode) return row;
  }
}

int Table::add(int type, uint64_t inode) {
  const int found = find(inode);
  if (found >= 0) return found;
  Namespace row = {};
  row.type = type;
  row.inode = inode;
  rows.push_back(std::move(row));
  grow();
  return static_cast<int>(rows.size() - 1);
}

void Table::grow() {
  const bool larger = rows.size() * 2 > slots_.size();
  if (larger) slots_.assign(slots_.size() * 2, 0);
  for (size_t row = larger ? 0 : rows.size() - 1; row < rows.size(); row++) {
    size_t at = slot_of(rows[row].inode, slots_.size());
    while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
    slots_[at] = static_cast<uint32_t>(row + 1);
  }
}

int Table::learn(int fd, netlink::Socket* socket) {
  uint64_t inode = 0;
  const int failed = sys::get_inode(fd, &inode, &device);
  if (failed < 0) return failed;
  const int seen = find(inode);
  if (seen >= 0 && rows[seen].known) return seen;
  const int type = sys::get_type(fd);
  if (type < 0) return type;
  const int row = add(type, inode);
  rows[row].known = true;
  sys::get_id(fd, &rows[row].id);
  if (type == kernel::kNet) rows[row].network = netlink::network_id(socket, fd);
  uint32_t uid = 0;
  {
    const sys::Fd owner(sys::get_owner(fd));
    const int owned = owner.IsOpen() ? learn(owner.Get(), socket) : owner.Get();
    if (proc::is_shortage(owned)) return owned;
    if (owned >= 0) rows[row].owner = rows[owned].inode;
    const int user = type == kernel::kUser ? fd : owner.Get();
    if (user >= 0 && sys::get_owner_uid(user, &uid) >= 0) rows[row].owner_uid = uid;
  }
  if (type == kernel::kUser || type == kernel::kPid) {
    const sys::Fd parent(sys::get_parent(fd));
    const int above = parent.IsOpen() ? learn(parent.Get(), socket) : parent.Get();
    if (proc::is_shortage(above)) return above;
    if (above >= 0) rows[row].parent = rows[above].inode;
  }
  return row;
}

void Table::mounted(int row, uint64_t inside, std::string path) {
  rows[row].mounts.push_back({inside, std::move(path)});
}

bool Table::held(int row, Holder holder) {
  std::vector<Holder>& holders = rows[row].holders;
  // One process is looked at from begin to end: its own are the last ones.
  for (size_t i = holders.size(); i-- > 0 && holders[i].pid == holder.pid;) {
    if (holders[i].by == holder.by) return false;
  }
  holders.push_back(holder);
  return true;
}

void Table::merge(Table* other) {
  for (Namespace& theirs : other->rows) {
    const int found = find(theirs.inode);
    if (found < 0) {
      rows.push_back(std::move(theirs));
      grow();
      continue;
    }
    Namespace& ours = rows[found];
    if (theirs.processes > 0 && (ours.processes == 0 || theirs.first.pid < ours.first.pid)) {
      ours.first = std::move(theirs.first);
    }
    ours.processes += theirs.processes;
    if (!ours.known && theirs.known) {
      ours.known = true;
      ours.id = theirs.id;
      ours.owner = theirs.owner;
      ours.parent = theirs.parent;
      ours.owner_uid = theirs.owner_uid;
      ours.network = theirs.network;
    }
    ours.mounts.insert(ours.mounts.end(), std::make_move_iterator(theirs.mounts.begin()),
                       std::make_move_iterator(theirs.mounts.end()));
    ours.holders.insert(ours.holders.end(), theirs.holders.begin(), theirs.holders.end());
  }
}

// What a process led to that was gone before it was counted has nothing to show. A namespace lives
// by what is in it, holds it, is mounted, or descends from it.
void Table::drop_unfounded() {
  std::vector<bool> founded(rows.size());
  std::vector<int> reached;
  for (size_t row = 0; row < rows.size(); row++) {
    const Namespace& one = rows[row];
    if (one.processes > 0 || !one.mounts.empty() || !one.holders.empty()) {
      reached.push_back(static_cast<int>(row));
    }
  }
  while (!reached.empty()) {
    const int row = reached.back();
    reached.pop_back();
    if (row < 0 || founded[row]) continue;
    founded[row] = true;
    for (const uint64_t up : {rows[row].owner, rows[row].parent}) {
      if (up != 0) reached.push_back(find(up));
    }
  }
  std::vector<Namespace> kept;
  for (size_t row = 0; row < rows.size(); row++) {
    if (founded[row]) kept.push_back(std::move(rows[row]));
  }
  rows = std::move(kept);
}

void Table::sort() {
  std::sort(rows.begin(), rows.end(),
            [](const Namespace& one, const Namespace& other) { return one.inode < other.inode; });
  for (Namespace& row : rows) {
    // Several threads may have read the same table of mounts.
    const auto key = [](const Mount& mount) { return std::tie(mount.inside, mount.path); };
    std::sort(row.mounts.begin(), row.mounts.end(),
              [&](const Mount& one, const Mount& other) { return key(one) < key(other); });
    row.mounts.erase(
        std::unique(row.mounts.begin(), row.mounts.end(),
                    [&](const Mount& one, const Mount& other) { return key(one) == key(other); }),
        row.mounts.end());
    std::sort(row.holders.begin(), row.holders.end(), [](const Holder& one, const Holder& other) {
      return one.pid != other.pid ? one.pid < other.pid : one.by < other.by;
    });
  }
}

}  // namespace scan
