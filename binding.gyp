{
  "targets": [
    {
      "target_name": "addon",
      "sources": [
        "native/addon.cc",
        "native/attributes.cc",
        "native/bind_clone.cc",
        "native/bind_create.cc",
        "native/bind_sys.cc",
        "native/bind_task.cc",
        "native/bind_debugger.cc",
        "native/bind_inspect.cc",
        "native/bind_state.cc",
        "native/bind_procfs.cc",
        "native/bind_spawn.cc",
        "native/bind_root.cc",
        "native/behind.cc",
        "native/call.cc",
        "native/change.cc",
        "native/clone.cc",
        "native/content.cc",
        "native/copy.cc",
        "native/create.cc",
        "native/crew.cc",
        "native/debugger.cc",
        "native/destination.cc",
        "native/environ.cc",
        "native/file.cc",
        "native/filesystem.cc",
        "native/follow.cc",
        "native/hands.cc",
        "native/hold.cc",
        "native/holders.cc",
        "native/ids.cc",
        "native/keeper.cc",
        "native/lookup.cc",
        "native/mount_thread.cc",
        "native/netlink.cc",
        "native/persist.cc",
        "native/place.cc",
        "native/prepare.cc",
        "native/proc.cc",
        "native/processes.cc",
        "native/procfs.cc",
        "native/program.cc",
        "native/put.cc",
        "native/root.cc",
        "native/runtime.cc",
        "native/scan.cc",
        "native/spawn.cc",
        "native/state.cc",
        "native/sys.cc",
        "native/table.cc",
        "native/tree.cc",
        "native/users.cc",
        "native/walk.cc"
      ],
      "actions": [
        {
          "action_name": "launcher",
          "inputs": [
            "native/launcher/create.h",
            "native/launcher/credentials.h",
            "native/launcher/embed.mjs",
            "native/launcher/execute.h",
            "native/launcher/fork.h",
            "native/launcher/launch.h",
            "native/launcher/launcher.c",
            "native/launcher/maps.h",
            "native/launcher/syscalls.h"
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
            "native/launcher/maps.h",
            "native/launcher/preload.c",
            "native/launcher/syscalls.h"
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
      "include_dirs": ["<(INTERMEDIATE_DIR)/<(target_arch)"],
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
