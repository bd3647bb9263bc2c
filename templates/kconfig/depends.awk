# SPDX-License-Identifier: Apache-2.0
#
# Why symbols are not in a kernel's configuration: reads the kernel's Kconfig files (Documentation/kbuild/kconfig-language.rst)
# from the folder that it is started in, and prints a line for each thing that is missing.
#
#   awk -f depends.awk -v arch=x86 -v symbols="SQUASHFS TMPFS" .config
#
# What a missing symbol needs may be missing itself, and is looked at in the same way.

BEGIN {
    # Names that changed: who asks for the old one has the new one.
    renamed["RETPOLINE"] = "MITIGATION_RETPOLINE"
    renamed["PAGE_TABLE_ISOLATION"] = "MITIGATION_PAGE_TABLE_ISOLATION"
    renamed["RETHUNK"] = "MITIGATION_RETHUNK"
    renamed["SLS"] = "MITIGATION_SLS"
    while ((getline line < ARGV[1]) > 0)
        if (match(line, /^CONFIG_[A-Za-z0-9_]+=/))
            is[substr(line, 8, RLENGTH - 8)] = substr(line, RLENGTH + 1)
    read_file("Kconfig")
    count = asked = split(symbols, todo, " ")
    for (n = 1; n <= count; n++)
        explain(todo[n], n > asked)
    exit
}

# -- reading ---------------------------------------------------------------------------------------------------------------

function indent(text,    columns, i, c) {
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "\t")
            columns += 8 - columns % 8
        else if (c == " ")
            columns++
        else
            break
    }
    return columns
}

function read_file(path,    line, more, help_indent, in_help) {
    gsub(/\$\(SRCARCH\)/, arch, path)
    while ((getline line < path) > 0) {
        while (line ~ /\\$/ && (getline more < path) > 0)
            line = substr(line, 1, length(line) - 1) more
        if (in_help) {
            if (line ~ /^[ \t]*$/)
                continue
            if (help_indent == "")
                help_indent = indent(line)
            if (indent(line) >= help_indent && help_indent > 0)
                continue
            in_help = 0
        }
        sub(/^[ \t]+/, "", line)
        if (line ~ /^(help|---help---)[ \t]*$/) {
            in_help = 1
            help_indent = ""
        } else {
            read_line(line)
        }
    }
    close(path)
}

function read_line(line,    word, rest) {
    sub(/[ \t]*#.*$/, "", line)
    word = line
    sub(/[ \t(:=].*$/, "", word)
    rest = substr(line, length(word) + 1)
    gsub(/^[ \t]+|[ \t]+$/, "", rest)
    if (word == "config" || word == "menuconfig") {
        entry = word
        name = rest
        defined[name]++
        conditions[name, defined[name]] = all_of(depth)
    } else if (word == "menu" || word == "choice" || word == "if") {
        entry = word
        depth++
        frame[depth] = word == "if" ? rest : ""
    } else if (word == "endmenu" || word == "endchoice" || word == "endif") {
        depth -= depth > 0
        entry = word
    } else if (word == "comment") {
        entry = word
    } else if (word == "source") {
        gsub(/"/, "", rest)
        read_file(rest)
    } else if (word == "depends" || word == "visible") {
        sub(/^(on|if)[ \t]+/, "", rest)
        if (entry == "config" || entry == "menuconfig")
            conditions[name, defined[name]] = conditions[name, defined[name]] "\n" rest
        else if (entry == "menu" || entry == "choice")
            frame[depth] = frame[depth] "\n" rest
    } else if (entry ~ /config$/ && word ~ /^(bool|tristate|int|hex|string|prompt)$/ && rest ~ /^"/) {
        asks[name] = 1
        sub(/^"[^"]*"/, "", rest)
        if (rest ~ /^[ \t]*if[ \t]/) {
            sub(/^[ \t]*if[ \t]+/, "", rest)
            conditions[name, defined[name]] = conditions[name, defined[name]] "\n" rest
        }
    }
}

function all_of(count,    i, text) {
    for (i = 1; i <= count; i++)
        text = text "\n" frame[i]
    return text
}

# -- expressions: || below && below !, and comparisons ---------------------------------------------------------------------

function value_of(word) {
    if (word ~ /^"/)
        return substr(word, 2, length(word) - 2)
    if (word == "y" || word == "m" || word == "n")
        return word
    return word in is ? is[word] : "n"
}

function next_token() {
    sub(/^[ \t]+/, "", expression)
    if (match(expression, /^(&&|\|\||!=|<=|>=|[!()=<>])/) || match(expression, /^"[^"]*"/) ||
        match(expression, /^\$\([^()]*\)/) || match(expression, /^[A-Za-z0-9_.-]+/)) {
        token = substr(expression, 1, RLENGTH)
        expression = substr(expression, RLENGTH + 1)
    } else {
        token = ""
        expression = ""
    }
}

function parse_or(    result, other) {
    result = parse_and()
    while (token == "||") {
        next_token()
        other = parse_and()
        result = result || other
    }
    return result
}

function parse_and(    result, other) {
    result = parse_not()
    while (token == "&&") {
        next_token()
        other = parse_not()
        result = result && other
    }
    return result
}

function parse_not(    result, left, comparison) {
    if (token == "!") {
        next_token()
        return !parse_not()
    }
    if (token == "(") {
        next_token()
        result = parse_or()
        next_token()
        return result
    }
    if (token ~ /^\$/) { # asks the compiler: nothing that a configuration could change
        next_token()
        return 1
    }
    left = token
    next_token()
    if (token == "=" || token == "!=") {
        comparison = token
        next_token()
        result = (value_of(left) == value_of(token)) == (comparison == "=")
        next_token()
        return result
    }
    return value_of(left) != "n" && value_of(left) != ""
}

function holds(text) {
    expression = text
    next_token()
    return parse_or()
}

# The parts that && joins, outside of parentheses; none when || joins them.
function parts_of(text, parts,    i, c, level, start, count) {
    start = 1
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        level += (c == "(") - (c == ")")
        if (level == 0 && substr(text, i, 2) == "||") {
            parts[1] = text
            return 1
        }
        if (level == 0 && substr(text, i, 2) == "&&") {
            parts[++count] = substr(text, start, i - start)
            start = i + 2
        }
    }
    parts[++count] = substr(text, start)
    return count
}

# -- the report ------------------------------------------------------------------------------------------------------------

# `further`: not asked for, but needed by one that is.
function explain(symbol, further,    d, best, lines, found, missing, only) {
    if (symbol in explained)
        return
    explained[symbol] = 1
    if (!(symbol in defined)) {
        print "CONFIG_" symbol ": this kernel has none" \
            (symbol in renamed && renamed[symbol] in defined ? "; it is CONFIG_" renamed[symbol] " there" : "")
        return
    }
    # The definition that lacks the least.
    for (d = 1; d <= defined[symbol]; d++) {
        found = missing_of(conditions[symbol, d], lines)
        if (d == 1 || found < missing) {
            missing = found
            best = conditions[symbol, d]
        }
    }
    missing = missing_of(best, lines)
    if (missing == 0 && further)
        return
    if (missing == 0) {
        print "CONFIG_" symbol ": " (symbol in asks ? "it has another value: a choice, a default or what selects it decides" \
            : "it is not asked for: other symbols select it")
        return
    }
    for (d = 1; d <= missing; d++) {
        if (lines[d] ~ /^[A-Za-z0-9_]+$/) {
            print "CONFIG_" symbol " needs CONFIG_" lines[d] "=y"
            todo[++count] = lines[d]
        } else if (lines[d] ~ /^![A-Za-z0-9_]+$/) {
            print "CONFIG_" symbol " needs CONFIG_" substr(lines[d], 2) "=n"
        } else {
            print "CONFIG_" symbol " needs " lines[d]
        }
    }
}

function missing_of(text, lines,    all, parts, i, k, number, part_count, found) {
    number = split(text, all, "\n")
    for (i = 1; i <= number; i++) {
        if (all[i] ~ /^[ \t]*$/)
            continue
        part_count = parts_of(all[i], parts)
        for (k = 1; k <= part_count; k++) {
            gsub(/^[ \t]+|[ \t]+$/, "", parts[k])
            if (!holds(parts[k]))
                lines[++found] = parts[k]
        }
    }
    return found + 0
}
