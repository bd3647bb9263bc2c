# SPDX-License-Identifier: Apache-2.0
"""Small guests that every engine must make the same bytes of, by name: the template of each root filesystem. Their base is busybox
with a few users (engine.py); their context has what docker_host.Guest writes."""

FROM = "FROM {{ arch.base_image }}\n"
TOOLS = FROM.replace("\n", " AS tools\n")

GUESTS = {
    "heredoc": FROM + """RUN mkdir -p /var/cache/things
RUN --mount=type=cache,target=/var/cache/things <<'END'
set -e
echo "$((20 + 22))" >/answer
echo downloaded >/var/cache/things/file
END
""",
    "quotes": FROM + """RUN <<END
printf '%s\\n' "a 'quoted' \\"text\\"" '$HOME' \\\\ > /text
cat <<INNER >/inner
	tab, $((1 + 1)) and ä
INNER
END
""",
    "metadata": FROM + """ENV GREETING="two  words" N=1
RUN mkdir -m 1777 /sticky && mkdir -m 2750 /group && chown builder:staff /group \\
 && echo "$GREETING $N" >/greeting && ln /greeting /hard && ln -s greeting /soft && mkfifo /pipe \\
 && touch -d @0 /old && dd if=/dev/zero of=/holes bs=1 count=1 seek=100000 2>/dev/null && rmdir /home/builder
USER builder
WORKDIR /made/by/workdir
RUN id -un >/tmp/user && echo "$PWD" >>/tmp/user
""",
    "stages": TOOLS + """RUN mkdir /out && echo 1 >/out/a && chmod 600 /out/a && ln -s a /out/b
FROM tools AS more
RUN echo 2 >/out/c
""" + FROM + """COPY --from=more /out/ /opt/
COPY --chmod=555 capsem-bashrc /etc/capsem-bashrc
COPY --from=tools --chown=builder:staff /out/a /owned
SHELL ["/bin/sh", "-e", "-c"]
RUN <<END
false || true
echo kept >/kept
END
""",
    "what was removed": FROM + """RUN mkdir /a && touch /a/b /a/c
RUN rm -r /a && mkdir /a && touch /a/d
RUN rm /a/d && rmdir /a && ln -s etc /a
""",
    "the host's settings": FROM + """RUN mkdir /scratch
RUN --mount=type=tmpfs,target=/scratch <<'END'
set -e
test -f "$APT_CONFIG" && test -f "$NPM_CONFIG_USERCONFIG"
grep -q from-the-host "$NPM_CONFIG_USERCONFIG"
echo "$PIP_INDEX_URL" | wc -c >/length
touch /scratch/file
END
""",
    "its own etc": FROM + """COPY --chown=builder:staff --chmod=640 capsem-bashrc /etc/hosts
COPY capsem-init /etc/resolv.conf
RUN echo guest >/etc/hostname && ln -s ../proc/self/mounts /etc/mtab
""",
    "an etc as docker's": FROM + "RUN ln -s /proc/mounts /etc/mtab && : >/etc/hostname && chmod 755 /etc/hostname\n",
    "no etc": TOOLS + "FROM scratch\nCOPY --from=tools /bin /bin\n",
    "permissions": FROM + """RUN umask 027 && mkdir -p /deep/er && echo 1 >/deep/er/file && mkdir -m 0 /none && touch /none/inside && chmod 0 /none/inside
RUN for m in 400 440 444 511 600 640 666 700 711 755 777; do echo $m >/f$m && chmod $m /f$m; done
RUN mkdir /owned && touch /owned/high && chown 4294967294:1234567 /owned/high && chown -R builder:1000 /owned && chown 65534 /owned
""",
    "metadata alone": FROM + """RUN echo one >/file && mkdir /folder && touch /folder/in && ln -s file /link
RUN chmod 640 /file && chown builder /file
RUN chmod 700 /folder && chown -h nobody:nogroup /link
RUN touch -d @1000000001 /file && echo two >>/file && touch -d @1000000002 /file
""",
    "symbolic links": FROM + """RUN mkdir -p /real/sub && ln -s /real /absolute && ln -s real relative && ln -s nowhere dangling && ln -s loop /loop
COPY capsem-init /absolute/sub/
RUN ln -s ../../real /real/sub/up && ln -s $(printf '%0200d' 7) /long && cd /relative && pwd -P >/where
RUN rm /relative && mkdir /relative && touch /relative/now
WORKDIR /absolute/made
RUN echo here >file
""",
    "hard links": FROM + """RUN mkdir /h /h/sub && echo 1 >/h/a && ln /h/a /h/b && ln /h/a /h/sub/c
RUN echo 2 >/h/one && ln /h/one /h/two && rm /h/one && ln -s two /h/one
RUN ln /h/sub/c /h/d && chmod 600 /h/d
RUN rm /h/a && echo 3 >>/h/b
""",
    "special names": FROM + """RUN mkdir '/a folder' && touch '/a folder/with  spaces' && touch '/a folder/ünïcödé' '/a folder/quote"' "/a folder/it's"
RUN cd '/a folder' && touch -- '-dash' 'back\\\\slash' 'star*' '[x]' 'dollar$HOME' 'new%20' '#hash' ';semi' '.hidden' '...' ' '
RUN touch /$(printf '%0255d' 0) && mkdir -p /$(printf '%0100d' 1)/$(printf '%0100d' 2)/$(printf '%0100d' 3)
COPY ["capsem-init", "/a folder/copied file"]
RUN printf 'tab\\there' | xargs -I N touch "/a folder/N"
""",
    "sizes": FROM + """RUN : >/empty && mkdir /folder && head -c 131072 /dev/zero >/zeros && seq 1 40000 >/text && dd if=/text of=/holes bs=1000 seek=900 2>/dev/null
RUN for i in $(seq 1 300); do echo $i >/folder/$i; done; for i in $(seq 1 3 300); do rm /folder/$i; done
""",
    "times": FROM + """RUN touch -d @1000000000 /old && touch -d @1749999999 /before && touch -d @2000000000 /later && touch -d @1 /first && touch /now
RUN mkdir /d && touch -d @5 /d/f && touch -d @6 /d && ln -s f /d/l && touch -h -d @7 /d/l
ARG SOURCE_DATE_EPOCH
RUN echo $SOURCE_DATE_EPOCH >/epoch
""",
    "arguments": FROM + """ARG COLOUR=blue
ARG UNSET
ENV A=${COLOUR}-${UNSET:-none} B="${A:+$A x}" C='$A'
ENV C $C b
RUN echo "$COLOUR $A $B $C" >/one
ARG COLOUR=red
ENV A=$COLOUR
RUN env -i sh -c 'echo $COLOUR' >/two; echo "$A $B" >>/two
LABEL a=$A
EXPOSE 80
VOLUME /data
STOPSIGNAL 9
CMD ["true"]
ENTRYPOINT ["sh"]
""",
    "global arguments": "ARG WHICH=second\nARG FLAVOUR=plain\n" + FROM.replace("\n", " AS first\n") + "RUN echo 1 >/which\n"
    + FROM.replace("\n", " AS second\n") + "RUN echo 2 >/which\nFROM ${WHICH}\nARG FLAVOUR\nRUN echo $FLAVOUR >>/which\n",
    "copies": FROM + """COPY capsem-init capsem-bashrc /two/
COPY capsem-* /pattern/
COPY diagnostics /folder
COPY diagnostics/ /folder/
COPY capsem-init /renamed
COPY ["capsem-init", "/json form/"]
ADD capsem-bashrc /added/
COPY . /all/
RUN chmod 755 /two && echo more >>/two/capsem-init
COPY capsem-init /two/
""",
    "files of the config": FROM + "COPY files/ /\nCOPY capsem/ /etc/capsem/\nRUN ls -lR /etc/capsem | wc -l >/count\n",
    "users": FROM + """USER 1000
RUN id -u >/tmp/a && id -g >>/tmp/a
USER builder:staff
RUN id -un >/tmp/b && id -gn >>/tmp/b && id -G >>/tmp/b
WORKDIR /home/builder/work
USER nobody
RUN touch /tmp/c && (touch /home/builder/no 2>/dev/null || echo refused >/tmp/d)
USER root
RUN echo 'late:x:2000:2000::/:/bin/sh' >>/etc/passwd && chown late /tmp/d
USER late
RUN touch /tmp/e
""",
    "shells": FROM + """SHELL ["/bin/sh", "-eu", "-c"]
RUN echo "$-" | grep -q e && echo strict >/shell
RUN ["/bin/sh", "-c", "echo exec $0 >/exec", "zero"]
SHELL ["/bin/ash", "-c"]
RUN echo one; \\
    # a comment in the middle
    echo two >/lines
""",
    "mounts": TOOLS + """RUN mkdir /out && echo from-tools >/out/f
""" + FROM + """RUN mkdir -p /mnt/a /mnt/b /mnt/c
RUN --mount=type=bind,from=tools,source=/out,target=/mnt/a --mount=type=bind,source=diagnostics,target=/mnt/b cat /mnt/a/f >/copied && ls /mnt/b >>/copied
RUN --mount=type=tmpfs,target=/mnt/c --mount=type=cache,target=/mnt/a,id=x touch /mnt/c/gone /mnt/a/gone && echo done >>/copied
""",
    "folders that moved": FROM + """RUN mkdir -p /one/two/three && echo x >/one/two/three/f
RUN mv /one/two /moved && mv /moved/three /one/four
RUN mv /usr/bin /usr/was && ln -s was /usr/bin && touch /usr/bin/new
RUN rm -r /one && echo a file >/one
RUN rm /one && mkdir /one && touch /one/again
""",
}


# What the classic builder does otherwise.
CLASSIC_DIFFERS = {
    "metadata": "a folder of WORKDIR belongs to USER",
    "users": "the same",
    "an etc as docker's": "its steps have Docker's /etc/mtab and /etc/hostname",
}


def for_classic(name):
    """Has it all that the guest asks for?"""
    return name not in CLASSIC_DIFFERS and not any(sign in GUESTS[name] for sign in ("--mount=", "--chmod", "<<", "NPM_CONFIG"))
