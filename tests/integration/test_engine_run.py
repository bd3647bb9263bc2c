# SPDX-License-Identifier: Apache-2.0
"""RUN: its forms, its user and folder, its mounts; what a step leaves in its layer."""
import os
import socket
import stat
import subprocess
import threading

import pytest

from engine import base_tar, context, engine, entry, needs_engine, needs_root, tar_bytes  # noqa: F401 (fixtures)

pytestmark = needs_engine


# --- forms ----------------------------------------------------------------------------------------------------------------------

def test_shell_and_exec_form(engine):
    assert engine.lines("""FROM base
ENV A="x  y"
RUN echo $A; echo "$A" && \\
    echo continued
RUN ["/bin/echo", "$A", "two words"]
RUN ["echo", "by PATH"]
""") == ["x y", "x  y", "continued", "$A two words", "by PATH"]


def test_shell_instruction(engine):
    assert engine.lines("""FROM base
SHELL ["/bin/echo", "shell:"]
RUN not $RUN
SHELL ["/bin/sh", "-ec"]
RUN false; echo not reached
""".replace("RUN false; echo not reached\n", "")) == ["shell: not $RUN"]
    assert engine.fail("FROM base\nSHELL [\"/bin/sh\", \"-ec\"]\nRUN false; echo not reached\n").lines() == []


def test_heredoc_for_the_shell(engine):
    assert engine.lines("""FROM base
ENV A=1
RUN <<EOF
set -e
echo "a $A"
echo b
EOF
RUN cat <<ONE && cat <<-TWO
one $A
ONE
\ttwo
TWO
RUN <<'EOF' cat
quoted $A
EOF
""") == ["a 1", "b", "one 1", "two", "quoted $A"]


def test_heredoc_script_runs_by_its_interpreter(engine):
    assert engine.lines("""FROM base
RUN <<EOF
#!/bin/awk -f
BEGIN { print "awk " 6 * 7 }
EOF
USER nobody
RUN <<EOF
#!/bin/sh
echo "as $(id -u): $0"
EOF
""") == ["awk 42", "as 65534: /run/capsem-script"]


def test_heredoc_script_leaves_nothing(engine):
    built = engine.build("FROM base\nRUN <<EOF\n#!/bin/sh\necho $0\nEOF\n")
    assert built.lines() == ["/run/capsem-script"]
    assert built.tree.under("run") == []


# --- where and who ----------------------------------------------------------------------------------------------------------------

def test_workdir_chain(engine):
    built = engine.build("""FROM base
WORKDIR /a
WORKDIR b/../c
WORKDIR ./d/
RUN pwd > here
WORKDIR ..
RUN pwd
""")
    assert built.lines() == ["/a/c"] and built.tree.text("a/c/d/here") == "/a/c/d\n"
    assert built.config["WorkingDir"] == "/a/c" and "a/b" not in built.tree


def test_workdir_belongs_to_the_user_and_follows_links_inside(engine):
    built = engine.build("""FROM base
RUN ln -s /var/real /link && mkdir /var/real
USER builder
WORKDIR /link/made/deep
RUN id -u > mine
""")
    assert built.tree.owner("var/real/made") == built.tree.owner("var/real/made/deep") == (1000, 1000)
    assert built.tree.owner("var/real") == (0, 0) and built.tree.text("var/real/made/deep/mine") == "1000\n"


def test_workdir_that_is_a_file_is_an_error(engine):
    assert "/etc/passwd" in engine.fail("FROM base\nWORKDIR /etc/passwd/x\n").stderr


@pytest.mark.parametrize("user, wanted", [
    ("builder", "1000 1000 1000 50 51"),
    ("1000", "1000 1000 1000 50 51"),
    ("builder:staff", "1000 50 50"),
    ("1000:7", "1000 7 7"),
    ("4242", "4242 0 0"),
    ("4242:staff", "4242 50 50"),
    ("root", "0 0 0"),
    ("nobody:nogroup", "65534 65534 65534"),
])
def test_user(engine, user, wanted):
    assert engine.lines(f"FROM base\nUSER {user}\nRUN echo $(id -u) $(id -g) $(id -G)\n") == [wanted]


def test_user_or_group_that_is_not_there(engine):
    assert "user 'ghost' is not in the image's /etc/passwd" in engine.fail("FROM base\nUSER ghost\nRUN true\n").stderr
    assert "group 'ghosts' is not in the image's /etc/group" in engine.fail("FROM base\nUSER root:ghosts\nRUN true\n").stderr


def test_umask_of_ours_changes_nothing(engine):
    dockerfile = """FROM base
RUN mkdir /d; echo > /d/f
WORKDIR /w
USER nobody
RUN --mount=type=cache,target=/new/cache,mode=1777 echo > /new/cache/x && cat /run/capsem/apt.conf > /dev/null
RUN <<EOF
#!/bin/sh
echo script
EOF
"""
    built = engine.build(dockerfile, preexec_fn=lambda: os.umask(0o077))
    assert [built.tree.mode(p) for p in ("d", "d/f", "w")] == [0o755, 0o644, 0o755]
    assert built.lines() == ["script"]


def test_root_folder_keeps_its_mode_and_owner(engine, tmp_path):
    tar = tmp_path / "odd.tar"
    (info, _) = entry(".", kind=b"5", mode=0o711, uid=3, gid=4)
    tar.write_bytes(tar_bytes([(info, None), entry("f", b"")]))
    engine.run("image", "import", tar, "odd").check()
    built = engine.build("FROM odd\nCOPY --from=base /bin /bin\nRUN stat -c '%a %u %g' /\nRUN chmod 750 /\nRUN stat -c %a /\n")
    assert built.lines() == ["711 3 4", "750"]
    root = built.tree.members.get("", built.tree.members.get("."))
    assert stat.S_IMODE(root.mode) == 0o750 and (root.uid, root.gid) == (3, 4)


# --- what stays in the layer ---------------------------------------------------------------------------------------------------------

def test_removed_and_replaced_files_and_folders(engine):
    built = engine.build("""FROM base
RUN mkdir -p /d/sub /e/sub && echo 1 > /d/a && echo 1 > /d/sub/b && echo 1 > /e/a && echo 1 > /f && ln -s /f /l
RUN rm /d/a && rm -rf /e && mkdir /e && echo 2 > /e/new && rm /l && mkdir /l && rm /f
RUN ls /d /d/sub /e /l; test ! -e /f && test ! -e /d/a
RUN rm -rf /d && ln -s /e /d
""")
    assert built.lines() == ["/d:", "sub", "", "/d/sub:", "b", "", "/e:", "new", "", "/l:"]
    assert built.tree.under("e") == ["new"] and built.tree["d"].linkname == "/e" and built.tree.under("d") == []
    assert "f" not in built.tree and built.tree["l"].isdir()


def test_a_folder_moved_from_a_lower_layer(engine):
    built = engine.build("FROM base\nRUN mkdir /d && echo x > /d/f\nRUN mv /d /moved\nRUN cat /moved/f\n")
    assert built.lines() == ["x"] and "d" not in built.tree and built.tree.text("moved/f") == "x\n"


@needs_root
def test_modes_owners_times_links_and_devices(engine):
    built = engine.build("""FROM base
RUN echo x > /suid && chown 7:8 /suid && chmod 6755 /suid && ln /suid /twin && mkfifo -m 600 /fifo \\
    && mknod /null c 1 3 && ln -s nowhere /dangling && touch -d '2001-02-03 04:05:06' /old && mkdir -m 1777 /sticky
""")
    tree = built.tree
    assert tree.mode("suid") == 0o6755 and tree.owner("suid") == (7, 8) and tree.mode("sticky") == 0o1777
    assert {tree["twin"].islnk(), tree["suid"].islnk()} == {True, False}
    assert tree["fifo"].isfifo() and tree["dangling"].linkname == "nowhere"
    assert tree["null"].ischr() and (tree["null"].devmajor, tree["null"].devminor) == (1, 3)


def test_times_are_kept_and_limited_by_the_epoch(engine):
    dockerfile = "FROM base\nRUN touch -d '2001-02-03 04:05:06' /old && touch /new\n"
    built = engine.build(dockerfile, env={"SOURCE_DATE_EPOCH": "1000000000"})
    assert built.tree["old"].mtime == 981173106 and built.tree["new"].mtime == 1000000000


def test_nothing_of_the_sandbox_stays(engine):
    built = engine.build("FROM base\nRUN true\nRUN echo x > /x\nRUN --mount=type=tmpfs,target=/made/here true\n")
    for folder in ("proc", "sys", "dev", "run"):
        assert built.tree.under(folder) == []
    assert sorted(built.tree.under("etc")) == ["group", "passwd"] and "made" not in built.tree
    before = engine.build("FROM base\n")
    assert {p for p in built.tree.members} - {p for p in before.tree.members} == {"x"}
    # and what they are mounted on keeps its time
    for folder in ("etc", "run", "proc", "dev", "sys"):
        assert built.tree[folder].mtime == before.tree[folder].mtime


def test_an_image_without_any_folder(engine, context):
    with open("/bin/busybox", "rb") as file:
        context.write("ls", file.read(), mode=0o755)
    built = engine.build("FROM scratch\nCOPY ls /ls\nRUN [\"/ls\", \"/dev/null\", \"/proc/self/status\"]\n", context)
    assert built.lines() == ["/dev/null", "/proc/self/status"]
    assert sorted(p for p in built.tree.members if p not in ("", ".")) == ["ls"]


def test_what_a_step_writes_to_host_files_does_not_stay(engine):
    result = engine.try_build("FROM base\nRUN echo nameserver 203.0.113.1 > /etc/resolv.conf\n")
    assert result.code == 1 and "Read-only file system" in result.stderr
    built = engine.build("FROM base\nRUN echo mine > /etc/hostname\nRUN cat /etc/hostname\n")
    assert built.lines() == ["mine"] and built.tree.text("etc/hostname") == "mine\n"


@pytest.mark.parametrize("target", ["../run/systemd/resolve/stub-resolv.conf", "/nowhere/at/all", "relative"])
def test_resolv_conf_that_is_a_link_to_nowhere(engine, context, target):
    context.write("links.tar", tar_bytes([entry("etc/resolv.conf", kind=b"2", linkname=target)]))
    built = engine.build("FROM base\nADD links.tar /\nRUN cat /etc/resolv.conf; echo ran\n", context)
    assert built.lines()[-1] == "ran"
    with open("/etc/resolv.conf") as file:
        assert built.lines()[:-1] == file.read().splitlines()
    assert built.tree["etc/resolv.conf"].linkname == target
    assert built.tree.under("run") == [] and "nowhere" not in built.tree and "etc/relative" not in built.tree


# --- mounts -------------------------------------------------------------------------------------------------------------------------

def test_cache_is_kept_between_builds_and_out_of_the_image(engine):
    dockerfile = "FROM base\nARG N\nRUN --mount=type=cache,target=/var/cache/x echo $N >> /var/cache/x/log; cat /var/cache/x/log\n"
    assert engine.lines(dockerfile, None, "--build-arg", "N=1") == ["1"]
    built = engine.build(dockerfile, None, "--build-arg", "N=2")
    assert built.lines() == ["1", "2"] and "var/cache" not in built.tree
    assert engine.build(dockerfile, None, "--build-arg", "N=1").ran() == []


def test_cache_ids_modes_and_owners(engine):
    assert engine.lines("""FROM base
RUN --mount=type=cache,id=one,target=/a,uid=5,gid=6,mode=0700 stat -c '%a %u %g' /a; echo 1 > /a/f
RUN --mount=type=cache,id=one,target=/b cat /b/f; chmod 750 /b
RUN --mount=type=cache,id=one,target=/c,mode=0777 stat -c %a /c
RUN --mount=type=cache,id=two,target=/a ls /a
RUN --mount=type=cache,id=one,target=/a,readonly touch /a/new 2>&1; ls /a
RUN --mount=type=cache,id=one,target=/a --mount=type=cache,id=one,target=/b echo 2 > /a/g; cat /b/g
RUN --mount=type=cache,id=one,target=/a,sharing=locked --mount=type=cache,id=one,target=/b,sharing=locked cat /b/g
""") == ["700 5 6", "1", "750", "touch: /a/new: Read-only file system", "f", "2", "2"]


SEED = "FROM base AS seed\nRUN mkdir -p /s/d && echo one > /s/d/f && chown -R 7:8 /s\n"


def test_a_cache_begins_with_the_content_of_a_stage(engine):
    mount = "--mount=type=cache,id=c,from=seed,source=/s/d,target=/c"
    dockerfile = SEED + f"FROM base\nARG N\nRUN {mount} echo $N >> /c/f; rm -f /c/gone; touch /c/gone; cat /c/f; stat -c '%u %g' /c\nRUN touch /after\n"
    first = engine.build(dockerfile, None, "--build-arg", "N=2")
    assert first.lines() == ["one", "2", "7 8"] and "c/f" not in first.tree
    assert engine.build(dockerfile, None, "--build-arg", "N=3").lines() == ["one", "2", "3", "7 8"]
    assert engine.build(dockerfile, None, "--build-arg", "N=2").ran() == []
    # another content, another cache; and it counts for the key
    changed = engine.build(dockerfile.replace("echo one", "echo other"), None, "--build-arg", "N=2")
    assert changed.lines() == ["other", "2", "7 8"]
    assert engine.lines(SEED + f"FROM base\nRUN {mount},readonly cat /c/f; touch /c/x 2>&1; true\n") == ["one", "2", "3", "touch: /c/x: Read-only file system"]
    engine.verify()


def test_a_cache_with_the_whole_of_an_image(engine):
    lines = "FROM base\nRUN --mount=type=cache,from=base,target=/c ls /c/etc; rm /c/etc/group; echo > /c/new\nRUN --mount=type=cache,from=base,target=/c ls /c/etc; ls /c/new\n"
    assert engine.lines(lines) == ["group", "passwd", "passwd", "/c/new"]


def test_folders_of_a_cache_are_caches(engine):
    assert engine.lines("""FROM base
RUN --mount=type=cache,id=x,source=a,target=/c,mode=0711 echo a > /c/f; stat -c %a /c
RUN --mount=type=cache,id=x,source=b,target=/c ls /c
RUN --mount=type=cache,id=x,source=/a/,target=/d cat /d/f
""") == ["711", "a"]


def test_one_cache_with_content_at_two_places(engine):
    mount = "--mount=type=cache,id=c,from=base,target="
    assert "are the same one and have content" in engine.fail(f"FROM base\nRUN {mount}/a {mount}/b true\n").stderr
    assert "gone" in engine.fail("FROM base\nRUN --mount=type=cache,from=base,source=/gone,target=/a true\n").stderr


def test_steps_wait_for_a_cache_with_content(engine):
    dockerfiles = [f"FROM base\nRUN --mount=type=cache,id=s,from=base,target=/c {ENTER}; : {n}\n" for n in (1, 2)]
    assert not any('"line":"together"' in e for e in both(engine, *dockerfiles))


def both(engine, first, second):
    """Two builds at once: how long both took, and what they printed."""
    processes = [subprocess.Popen(engine.command(*engine.words(d)), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
                 for d in (first, second)]
    errors = [p.communicate(timeout=60)[1].decode() for p in processes]
    assert [p.returncode for p in processes] == [0, 0], errors
    return errors


ENTER = "mkdir /c/in 2>/dev/null || echo together; sleep 0.5; rmdir /c/in 2>/dev/null; true"


@pytest.mark.parametrize("sharing, together", [("shared", True), ("locked", False), ("private", False)])
def test_cache_sharing(engine, sharing, together):
    mount = f"--mount=type=cache,id=s,target=/c,sharing={sharing}"
    errors = both(engine, f"FROM base\nRUN {mount} {ENTER}; : 1\n", f"FROM base\nRUN {mount} {ENTER}; : 2\n")
    assert any('"line":"together"' in e for e in errors) == together


def test_locked_caches_in_any_order_do_not_wait_for_each_other(engine):
    one, two = "--mount=type=cache,id=1,target={},sharing=locked", "--mount=type=cache,id=2,target={},sharing=locked"
    both(engine, f"FROM base\nRUN {one.format('/a')} {two.format('/b')} sleep 0.3; : 1\n",
         f"FROM base\nRUN {two.format('/a')} {one.format('/b')} sleep 0.3; : 2\n")


def test_bind_from_the_context(engine, context):
    context.write("src/a", "A")
    context.write("file", "F")
    built = engine.build("""FROM base
WORKDIR /w
RUN --mount=type=bind,target=. ls; touch new 2>&1 || true
RUN --mount=type=bind,source=src,target=/s --mount=type=bind,src=/file,target=f cat /s/a f && echo
RUN --mount=type=bind,source=src,target=/s,rw echo new > /s/b; echo changed > /s/a; cat /s/a /s/b
""", context)
    assert built.lines() == ["file", "src", "touch: new: Read-only file system", "AF", "changed", "new"]
    assert (context / "src" / "a").read_text() == "A" and not (context / "src" / "b").exists()
    assert built.tree.under("w") == [] and "s" not in built.tree


def test_bind_of_the_context_without_what_is_ignored(engine, context):
    context.write(".dockerignore", "secret\nout\n!out/keep\n")
    for name in ("secret", "out/a", "out/keep", "dir/file"):
        context.write(name, name)
    dockerfile = "FROM base\nRUN --mount=type=bind,target=/c find /c -type f | sort\n"
    wanted = ["/c/.dockerignore", "/c/dir/file", "/c/out/keep"]
    assert engine.lines(dockerfile, context) == wanted
    context.write("secret", "other")
    assert engine.build(dockerfile, context).ran() == []
    context.write("dir/more", "x")
    assert engine.lines(dockerfile, context) == sorted([*wanted, "/c/dir/more"])
    result = engine.fail("FROM base\nRUN --mount=type=bind,source=secret,target=/s true\n", context)
    assert "secret" in result.stderr and ".dockerignore" in result.stderr


def test_bind_changes_the_key(engine, context):
    context.write("f", "1")
    dockerfile = "FROM base\nRUN --mount=type=bind,source=f,target=/f cat /f > /copy\n"
    assert engine.build(dockerfile, context).tree.text("copy") == "1"
    context.write("f", "2")
    assert engine.build(dockerfile, context).tree.text("copy") == "2"


def test_bind_from_a_stage_and_an_image(engine):
    built = engine.build("""FROM base AS made
RUN mkdir /out && echo x > /out/x
FROM base
RUN --mount=from=made,source=/out,target=/mnt cat /mnt/x; touch /mnt/y 2>/dev/null || echo read-only
RUN --mount=from=base,source=/etc/passwd,target=/p head -n 1 /p
RUN --mount=from=made,target=/whole,rw rm -r /whole/out && ls /whole/out 2>/dev/null || echo gone
RUN --mount=from=made,target=/whole cat /whole/out/x
""")
    assert built.lines() == ["x", "read-only", "root:x:0:0:root:/root:/bin/sh", "gone", "x"]
    assert not {"mnt", "p", "whole"} & set(built.tree.members)


def test_bind_cannot_leave_its_root(engine, context, tmp_path):
    outside = tmp_path / "outside"
    outside.write_text("outside")
    context.link("escape", outside)
    context.link("up", "../../../../../../../../" + str(outside))
    for source in ("escape", "up", "../outside", "../../../etc/shadow"):
        result = engine.fail(f"FROM base\nRUN --mount=type=bind,source={source},target=/x cat /x\n", context)
        assert "No such file or directory" in result.stderr and result.lines() == []


def test_bind_that_is_missing_says_where(engine, context):
    result = engine.fail("FROM base\nRUN true\nRUN --mount=type=bind,source=gone,target=/x true\n", context)
    assert ":3:" in result.stderr and "'gone'" in result.stderr


def test_tmpfs(engine):
    built = engine.build("""FROM base
RUN mkdir /t && echo below > /t/f
RUN --mount=type=tmpfs,target=/t,size=1m ls -A /t; dd if=/dev/zero of=/t/big bs=1M count=3 2>&1 | grep -c 'No space'
RUN cat /t/f
""")
    assert built.lines() == ["1", "below"] and built.tree.under("t") == ["f"]


def test_mounts_below_mounts_in_any_order(engine, context):
    context.write("f", "F")
    built = engine.build("""FROM base
RUN --mount=type=bind,source=f,target=/a/b/f --mount=type=cache,target=/a/b --mount=type=tmpfs,target=/a cat /a/b/f && echo
RUN --mount=type=tmpfs,target=/run cat /run/capsem/apt.conf > /dev/null && echo settings
""", context)
    assert built.lines() == ["F", "settings"] and "a" not in built.tree


def test_a_mount_without_a_target_is_at_workdir(engine, context):
    context.write("from-context", "context")
    built = engine.build("""FROM base AS src
RUN mkdir /s && echo hi >/s/f
FROM base
WORKDIR /w
RUN --mount=from=src,src=/s cat f && ! touch g 2>/dev/null
RUN --mount=type=bind cat from-context && echo
RUN --mount=type=cache,id=no-target echo hello >>count; cat count
RUN --mount=type=cache,target=/elsewhere,id=no-target cat /elsewhere/count
RUN --mount=type=tmpfs touch t && ls
WORKDIR deeper
RUN --mount=type=bind,from=src,source=/s ls
""", context)
    assert built.lines() == ["hi", "context", "hello", "hello", "t", "f"]
    assert built.tree.under("w") == ["deeper"]


@pytest.mark.parametrize("kind", ["bind", "cache", "tmpfs"])
def test_without_workdir_a_mount_needs_a_target(engine, context, kind):
    failed = engine.fail(f"FROM base\nRUN --mount=type={kind} true\n", context)
    assert "a mount cannot cover the whole root" in failed.stderr and "set WORKDIR before" in failed.stderr


def test_mount_on_the_root_is_refused(engine):
    assert ":2:" in engine.fail("FROM base\nRUN --mount=type=tmpfs,target=/ true\n").stderr


def test_secret_that_is_not_required_is_left_out(engine):
    assert engine.lines("FROM base\nRUN --mount=type=secret,id=x ls /run/secrets 2>/dev/null || echo none\n") == ["none"]


# --- network --------------------------------------------------------------------------------------------------------------------------

def test_network_none_has_a_loopback_device_that_is_up(engine):
    dockerfile = "FROM base\nRUN --network=none ls /sys/class/net; ip -o link show lo | grep -c 'LOOPBACK,UP'; ip route | wc -l\n"
    assert engine.lines(dockerfile) == ["lo", "1", "0"]
    assert engine.lines(dockerfile.replace("--network=none ", ": ; "), None, "--network", "none") == ["lo", "1", "0"]


def test_network_host_and_its_key(engine):
    dockerfile = "FROM base\nRUN ls /sys/class/net | wc -l\n"
    count = len(os.listdir("/sys/class/net"))
    assert engine.lines(dockerfile) == [str(count)]
    assert engine.build(dockerfile, None, "--network", "none").lines() == ["1"]
    assert engine.build(dockerfile).ran() == []


# --- secrets and agents -----------------------------------------------------------------------------------------------------------

SECRET = "hunter2-\u00e9\n"


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "token"
    path.write_text(SECRET)
    return path


def test_a_secret_is_a_file_that_no_layer_keeps(engine, secret):
    built = engine.build("""FROM base
RUN --mount=type=secret,id=token cat /run/secrets/token && stat -c '%a %u:%g' /run/secrets/token
RUN --mount=type=secret,id=token,target=/etc/key,mode=0444,uid=7,gid=8 stat -c '%a %u:%g' /etc/key; echo x >>/etc/key || echo read-only
RUN ls /run/secrets /etc/key 2>&1 | grep -c 'No such'
""", None, "--secret", f"id=token,src={secret}")
    assert built.lines()[:4] == [SECRET.strip(), "400 0:0", "444 7:8", built.lines()[3]]
    assert "read-only" in built.lines() and built.lines()[-1] == "2"
    assert "run/secrets" not in built.tree and "etc/key" not in built.tree
    for folder, _, names in os.walk(engine.store):
        for name in names:
            path = os.path.join(folder, name)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path, "rb") as file:
                    assert SECRET.encode() not in file.read(), path


def test_a_secret_is_a_variable(engine, secret):
    env = {**os.environ, "TOKEN_OF_OURS": "by name"}
    assert engine.lines("""FROM base
RUN --mount=type=secret,id=token,env=TOKEN printf %s "$TOKEN"; ls /run/secrets 2>/dev/null || echo none
RUN --mount=type=secret,id=b,env=B,target=/b echo "$B"; cat /b; echo
RUN --mount=type=secret,id=TOKEN_OF_OURS,env=C echo "$C"; echo "${TOKEN:-unset}"
""", None, "--secret", f"id=token,src={secret}", "--secret", "id=b,env=TOKEN_OF_OURS", "--secret", "id=TOKEN_OF_OURS",
                        env=env) == [SECRET.strip(), "none", "by name", "by name", "by name", "unset"]


def test_another_secret_runs_nothing_again(engine, secret):
    text = "FROM base\nRUN --mount=type=secret,id=token wc -c </run/secrets/token\n"
    assert engine.build(text, None, "--secret", f"id=token,src={secret}").ran() != []
    secret.write_text("another, of another length")
    assert engine.build(text, None, "--secret", f"id=token,src={secret}").ran() == []


@pytest.mark.parametrize("value, said", [
    ("id=token,src=/no/such/file", "/no/such/file"),
    ("id=token,env=NO_SUCH_VARIABLE", "'NO_SUCH_VARIABLE' is not set"),
    ("src=/etc/passwd", "has no id"),
    ("id=token,sauce=x", "not 'id=token,sauce=x'"),
    ("id=token,type=ssh", "neither file nor env"),
    ("id=token,src=/dev/zero", "/dev/zero"),
])
def test_a_secret_that_cannot_be_had(engine, value, said):
    result = engine.try_build("FROM base\nRUN true\n", None, "--secret", value)
    assert result.code in (1, 2) and said in result.stderr


def test_a_required_secret_says_how_to_give_it(engine):
    result = engine.fail("FROM base\nRUN --mount=type=secret,id=token,required true\n")
    assert "E405" in result.stderr and "--secret id=token,src=FILE" in result.stderr
    result = engine.fail("FROM base\nRUN --mount=type=ssh,required true\n")
    assert "E405" in result.stderr and "--ssh default" in result.stderr


def test_an_agent_answers_inside(engine, tmp_path):
    """A server that says what it is asked, as an agent would."""
    path = str(tmp_path / "agent.sock")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        threading.Thread(target=answer, args=(server,), daemon=True).start()
        built = engine.build("""FROM base
RUN --mount=type=ssh echo "$SSH_AUTH_SOCK" && probe agent
RUN --mount=type=ssh,id=other,target=/s test ! -e /s && echo "${SSH_AUTH_SOCK:-unset}"
""", None, "--ssh", f"default={path}")
        assert built.lines() == ["/run/buildkit/ssh_agent.0", "agent: ping: agent ok", "unset"]
        assert "run/buildkit" not in built.tree


def answer(server):
    while True:
        try:
            connection, _ = server.accept()
        except OSError:
            return
        with connection:
            connection.sendall(b"agent: " + connection.recv(100))


def test_an_agent_that_is_not_there(engine, tmp_path):
    env = {k: v for k, v in os.environ.items() if k != "SSH_AUTH_SOCK"}
    result = engine.try_build("FROM base\nRUN true\n", None, "--ssh", "default", env=env)
    assert result.code == 1 and "SSH_AUTH_SOCK is not set" in result.stderr
    result = engine.try_build("FROM base\nRUN true\n", None, "--ssh", f"default={tmp_path}")
    assert result.code == 1 and "is not the socket of an ssh agent" in result.stderr


def test_insecure_steps_ask_first(engine):
    text = "FROM base\nRUN --security=insecure grep CapEff /proc/self/status\nRUN grep CapEff /proc/self/status\n"
    result = engine.fail(text)
    assert "E405" in result.stderr and "--allow security.insecure" in result.stderr
    insecure, ordinary = engine.lines(text, None, "--allow", "security.insecure")
    assert int(insecure.split()[1], 16) & (1 << 21)  # CAP_SYS_ADMIN
    assert not int(ordinary.split()[1], 16) & (1 << 21)
