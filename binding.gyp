{
  "targets": [
    {
      "target_name": "addon",
      "sources": [
        "native/addon.cc",
        "native/root/copy_attributes.cc",
        "native/create/binding.cc",
        "native/base/binding.cc",
        "native/callback/binding.cc",
        "native/inspect/binding.cc",
        "native/containers/binding.cc",
        "native/child/binding.cc",
        "native/child/blocking.cc",
        "native/child/late_reaper.cc",
        "native/root/binding.cc",
        "native/base/left_behind.cc",
        "native/root/operation.cc",
        "native/root/change.cc",
        "native/create/clone.cc",
        "native/root/copy_content.cc",
        "native/root/copy.cc",
        "native/create/by_thread.cc",
        "native/inspect/scan_threads.cc",
        "native/callback/sigusr1.cc",
        "native/root/copy_destination.cc",
        "native/child/environ.cc",
        "native/child/execute.cc",
        "native/root/file.cc",
        "native/root/filesystem.cc",
        "native/child/reports.cc",
        "native/child/terminal.cc",
        "native/root/copy_thread.cc",
        "native/create/by_launcher.cc",
        "native/inspect/namespace_holders.cc",
        "native/root/id_map.cc",
        "native/child/keeper.cc",
        "native/callback/resolver.cc",
        "native/root/mount_thread.cc",
        "native/inspect/netlink.cc",
        "native/create/bind_mount.cc",
        "native/root/copy_name.cc",
        "native/child/request.cc",
        "native/inspect/proc.cc",
        "native/inspect/processes.cc",
        "native/callback/procfs.cc",
        "native/child/sealed_program.cc",
        "native/root/unpack.cc",
        "native/root/root.cc",
        "native/runtime.cc",
        "native/inspect/namespace_scan.cc",
        "native/child/signals.cc",
        "native/child/spawn.cc",
        "native/containers/state_files.cc",
        "native/base/namespaces.cc",
        "native/inspect/namespace_table.cc",
        "native/root/tree.cc",
        "native/base/outside.cc",
        "native/base/file.cc",
        "native/base/users.cc",
        "native/root/walk.cc"
      ],
      "actions": [
        {
          "action_name": "launcher",
          "inputs": [
            "native/launcher/bounds.h",
            "native/launcher/create.h",
            "native/launcher/credentials.h",
            "native/launcher/embed.mjs",
            "native/launcher/execute.h",
            "native/launcher/fork.h",
            "native/launcher/in_place.h",
            "native/launcher/launch.h",
            "native/launcher/launcher.c",
            "native/launcher/helper.h",
            "native/launcher/bind.h",
            "native/launcher/maps.h",
            "native/launcher/open_below.h",
            "native/launcher/syscalls.h",
            "native/launcher/terminal.h",
            "native/launcher/tools.h",
            "native/launcher/tools_root.h",
            "native/launcher/words.h"
          ],
          "outputs": ["<(INTERMEDIATE_DIR)/<(target_arch)/launcher_bytes.h"],
          "action": [
            "node",
            "native/launcher/embed.mjs",
            "native/launcher/launcher.c",
            "<(INTERMEDIATE_DIR)/<(target_arch)/launcher_bytes.h"
          ]
        },
        {
          "action_name": "preload",
          "inputs": [
            "native/launcher/create.h",
            "native/launcher/credentials.h",
            "native/launcher/embed.mjs",
            "native/launcher/fork.h",
            "native/launcher/launch.h",
            "native/launcher/launcher.c",
            "native/launcher/helper.h",
            "native/launcher/bind.h",
            "native/launcher/maps.h",
            "native/launcher/preload.c",
            "native/launcher/syscalls.h",
            "native/launcher/words.h"
          ],
          "outputs": ["<(INTERMEDIATE_DIR)/<(target_arch)/preload_bytes.h"],
          "action": [
            "node",
            "native/launcher/embed.mjs",
            "native/launcher/preload.c",
            "<(INTERMEDIATE_DIR)/<(target_arch)/preload_bytes.h"
          ]
        }
      ],
      "include_dirs": ["native", "<(INTERMEDIATE_DIR)/<(target_arch)"],
      "dependencies": ["<!(node -p \"require('node-addon-api').targets\"):node_addon_api"],
      "defines": [
        "NAPI_VERSION=9",
        "NODE_ADDON_API_DISABLE_DEPRECATED",
        "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"
      ],
      # Makes no difference on 64 bits, but for names such as fcntl64, which musl does not have.
      "defines!": ["_FILE_OFFSET_BITS=64"],
      "cflags_cc": [
        "-std=c++20",
        "-Wall",
        "-Wextra",
        "-fno-rtti",
        "-fno-threadsafe-statics",
        "-fvisibility=hidden",
        "-U_FORTIFY_SOURCE"
      ],
      "conditions": [
        # Else libgcc asks for __getauxval, which musl keeps to itself.
        ["target_arch=='arm64'", { "cflags_cc": ["-mno-outline-atomics"] }]
      ],
      "ldflags": ["-Wl,--as-needed", "-Wl,-z,relro,-z,now,-z,nodelete"]
    }
  ]
}
