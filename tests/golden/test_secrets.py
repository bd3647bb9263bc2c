# SPDX-License-Identifier: Apache-2.0
"""A secret is printed by no diagnostic: not in its message, its notes, its help, nor in a source line, in no format.

Each case puts a secret where one code looks or points."""
import os
import pathlib
import shutil
import subprocess

import pytest

PROGRAM = os.environ["CAPSEM_BUILDER"]
BASE = pathlib.Path(__file__).parent / "build/_base/guest"
SECRETS = {
    "anthropic": "sk-ant-a0b1c2d3e4",
    "google": "AIzaSyA0b1C2d3E4",
    "openai": "sk-abcdefghij0123456789",
    "github": "ghp_0123456789abcdefghij",
    "gitlab": "glpat-0123456789",
    "bearer": "Bearer  abcdefghij0123456789",
}
PROVIDER = """[tool]
name = "Tool"
[tool.api_key]
name = "Key"
env_vars = ["TOOL_KEY"]
[tool.network]
domains = ["example.com"]
"""
SET = """[tools]
name = "Tools"
manager = "apt"
install_cmd = "apt-get install -y"
packages = ["jq"]
"""
ARCH = """[build.architectures.x86_64]
docker_platform = "linux/amd64"
rust_target = "x86_64-unknown-linux-musl"
kernel_image = "arch/x86_64/boot/bzImage"
defconfig = "kernel/x86_64.defconfig"
"""


def file(name, text):
    return {name: text}


# (code, files); @ stands for the secret
CASES = {
    "E002 in the statement": ("E002", file("config/mcp/a.toml", "[a]\nname = @\n")),
    "E002 before the mistake": ("E002", file("config/mcp/a.toml", '[a]\nenv = { TOKEN = "@", = 1 }\n')),
    "E002 never closed": ("E002", file("config/mcp/a.toml", '[a]\nname = "@\n')),
    "E002 the same key twice": ("E002", file("config/mcp/a.toml", '[a]\n"@" = 1\n"@" = 2\n')),
    "E002 a bad escape": ("E002", file("config/mcp/a.toml", '[a]\nname = "@\\q"\n')),
    "E003 a wrong type": ("E003", file("config/mcp/a.toml", '[a]\nname = "A"\ntransport = "stdio"\ncommand = ["@"]\n')),
    "E003 an unknown word": ("E003", file("config/mcp/a.toml", '[a]\nname = "A"\ntransport = "@"\ncommand = "x"\n')),
    "E003 a table for a string": ("E003", file("config/mcp/a.toml",
                                               '[a]\nname = { "@" = "@" }\ntransport = "stdio"\ncommand = "x"\n')),
    "E003 a number in the environment": ("E003", file("config/mcp/a.toml", '[a]\nname = "A"\ntransport = "stdio"\n'
                                                      'command = "x"\nenv = { "@" = 1, B = "@" }\n')),
    "E003 a missing field": ("E003", file("config/mcp/a.toml", '[a] # @\nname = "A"\n')),
    "E004": ("E004", file("config/packages/a.toml", SET.replace('["jq"]', "[] # @"))),
    "E005": ("E005", file("config/packages/a.toml", SET.replace('"apt"', '"@"'))),
    "E006": ("E006", file("config/security/web.toml", '[web]\ncustom_allow = ["https://@/"]\n')),
    "E008": ("E008", {"config/mcp/a.toml": '["@"]\nname = "A"\ntransport = "stdio"\ncommand = "x"\n',
                      "config/mcp/b.toml": '["@"]\nname = "A"\ntransport = "stdio"\ncommand = "x"\n'}),
    "E009": ("E009", file("config/ai/a.toml", PROVIDER + '[tool.files.a]\npath = "@"\ncontent = ""\n')),
    "E010": ("E010", file("config/ai/a.toml", PROVIDER + '[tool.files.a]\npath = "/a.json"\ncontent = \'{"k": "@",}\'\n')),
    "E010 several lines": ("E010", file("config/ai/a.toml", PROVIDER + '[tool.files.a]\npath = "/a.json"\n'
                                        'content = """\n{"k": "@",\n  @}\n"""\n')),
    "E300": ("E300", file("config/build.toml", ARCH.replace("kernel/x86_64.defconfig", "kernel/@"))),
    "E303": ("E303", file("config/build.toml", '[build]\nguest_binaries = ["@"]\n' + ARCH)),
    "E304": ("E304", file("artifacts/capsem-ca.crt", "@\n")),
    "E400 syntax": ("E400", file("own/Dockerfile.rootfs.j2", 'FROM scratch\n{{ "@" | nope("@") }}\n')),
    "E400 undefined": ("E400", file("own/Dockerfile.rootfs.j2", 'FROM scratch\n{{ arch["@"] }}\n')),
    "E401": ("E401", file("own/Dockerfile.rootfs.j2", "FROM scratch\nENVV KEY=@\n")),
    "E401 the keyword": ("E401", file("own/Dockerfile.rootfs.j2", "FROM scratch\n@ x\n")),
    "E401 of a value": ("E401", {"own/Dockerfile.rootfs.j2": "FROM scratch\n{% for s in package_sets %}\n{{ s.name }}\n{% endfor %}\n",
                                 "config/packages/a.toml": SET.replace('"Tools"', '"X @"')}),
    "E402": ("E402", file("own/Dockerfile.rootfs.j2", 'FROM scratch\nCOPY ["@", "/x"]\n')),
    "W001": ("W001", file("config/packages/a.toml", SET.replace("jq", "@"))),
    "W002": ("W002", file("config/packages/a.toml", SET.replace("jq", "@-dev"))),
    "W003 a provider's file": ("W003", file("config/ai/a.toml", PROVIDER + '[tool.files.a]\npath = "/a"\ncontent = "@"\n')),
    "W003 headers": ("W003", file("config/mcp/a.toml", '[a]\nname = "A"\ntransport = "sse"\nurl = "https://example.com"\n'
                                  'headers = { Authorization = "@" }\n')),
    "W003 escaped": ("W003", file("config/mcp/a.toml", '[a]\nname = "A"\ntransport = "stdio"\ncommand = "x"\n'
                                  'env = { K = "\\u0020@" }\n')),
    "W003 bashrc": ("W003", file("config/vm/environment.toml",
                                 '[environment.shell.bashrc]\npath = "/root/.bashrc"\ncontent = """\nexport K=@\n"""\n')),
    "W004": ("W004", file("config/packages/a.toml", "# @\n" + SET.replace("[tools]", "[tools] # @"))),
    "W005": ("W005", file("config/security/web.toml", '[web]\ncustom_allow = ["@"]\ncustom_block = ["@"]\n')),
    "W006": ("W006", file("config/vm/environment.toml",
                          '[environment.shell.bashrc]\npath = "/root/@"\ncontent = "TODO" # @\n')),
    "W007": ("W007", file("config/security/web.toml", '[web]\ncustom_allow = ["*.com", "@"]\n')),
    "W008": ("W008", file("config/ai/a.toml", PROVIDER.replace('["TOOL_KEY"]', '["@", "@"]'))),
    "W009": ("W009", file("config/packages/a.toml", SET.replace("apt-get install -y", "KEY=@ && apt-get install -y"))),
    "W010": ("W010", file("config/vm/environment.toml", '[environment.shell]\npath = "/@"\n')),
    "W011": ("W011", file("config/security/web.toml", "[web] # @\nallow_read = true\nallow_write = true\n")),
    "E011": ("E011", file("config/build.toml", ARCH.replace("x86_64-unknown-linux-musl", "@"))),
    "W012": ("W012", file("config/build.toml", ARCH.replace("x86_64-unknown-linux-musl", "x86_64-@"))),
    "W013": ("W013", file("config/ai/a.toml", PROVIDER + '[tool.cli] # @\nkey = "@"\nname = "@"\n')),
    "W014": ("W014", file("config/vm/resources.toml", '[resources]\n"@" = "@"\n')),
    "W015": ("W015", file("config/build.toml", '[build]\ncompression = "gzip"\ncompression_level = 15 # @\n' + ARCH)),
    "a secret over two lines": ("E003", file("config/mcp/a.toml", '[a]\nname = "A"\ntransport = "stdio"\ncommand = "x"\n'
                                             'args = """\nBearer\nwxyzwxyzwx0123456789 @\n"""\n')),
    "a secret far from the place": ("W014", file("config/mcp/a.toml", '[a]\nname = "A"\ntransport = "stdio"\ncommand = "x"\n'
                                                 'x = { y = "@' + "k" * 5000 + '", nothing-reads-it = "x" }\n')),
}


def validate(folder, style):
    args = [PROGRAM, "validate", "guest", "--format", style]
    if (folder / "guest/own").is_dir():
        (folder / "guest/own/Dockerfile.kernel.j2").write_text("FROM scratch\n")
        args += ["--templates", "guest/own"]
    done = subprocess.run(args, cwd=folder, capture_output=True, text=True, timeout=60, env={"NO_COLOR": "1"})
    return done.stdout + done.stderr


@pytest.mark.parametrize("name", CASES)
def test_a_secret_is_not_printed(name, tmp_path):
    code, files = CASES[name]
    for kind, secret in SECRETS.items():
        folder = tmp_path / kind
        shutil.copytree(BASE, folder / "guest")
        for path, text in files.items():
            target = folder / "guest" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text.replace("@", secret))
        for style in ("text", "short", "json", "sarif"):
            printed = validate(folder, style)
            assert code in printed, printed
            for part in (secret, secret[2:], secret[:-2], secret[-10:]):
                # the explanations of the rules have an example of a secret
                assert part not in printed.replace('ghp_0123456789abcdefghij\\" }', ""), printed
            assert "wxyzwxyzwx" not in printed and "kkkk" not in printed, printed
