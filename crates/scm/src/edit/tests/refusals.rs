//! What is refused, and what people read then.

use super::*;

fn set(before: &str, path: &str, message: Expect) {
    refuse("f.yaml", before, &[edit(path, json!("v"))], message);
}

fn create(before: &str, path: &str, message: Expect) {
    refuse("f.yaml", before, &[creating(path, json!("v"))], message);
}

#[test]
fn what_depends_on_another_place_is_refused() {
    set(
        "a: &x 1\nb: *x\n",
        "b",
        expect!["f.yaml:2:4: `b`: here is the alias *x; edit what it refers to, or write it out here"],
    );
    set(
        "a: &x 1\nb: *x\n",
        "a",
        expect![
            "f.yaml:1:7: `a`: this has an anchor that an alias repeats, so the edit would change that place too; write the alias out"
        ],
    );
    set(
        "a: &x {c: 1}\nb: *x\n",
        "a.c",
        expect![
            "f.yaml:1:7: `a.c`: this has an anchor that an alias repeats, so the edit would change that place too; write the alias out"
        ],
    );
    set(
        "a: &x {c: 1}\nb: *x\n",
        "b.c",
        expect!["f.yaml:2:4: `b.c`: here is the alias *x; edit what it refers to, or write it out here"],
    );
    set(
        "a: &x {c: 1}\nb:\n  <<: *x\n  d: 1\n",
        "b.c",
        expect![[
            r#"f.yaml:3:3: `b.c`: the key "c" may come from this merge key (<<); write it out in the mapping, or edit what is merged"#
        ]],
    );
    create(
        "a: &x {c: 1}\nb:\n  <<: *x\n  d: 1\n",
        "b.e",
        expect![[
            r#"f.yaml:3:3: `b.e`: the key "e" may come from this merge key (<<); write it out in the mapping, or edit what is merged"#
        ]],
    );
    set(
        "a: 1\nb: 2\na: 3\n",
        "a",
        expect![[r#"f.yaml:3:1: `a`: the key "a" is there twice in one mapping; remove one of them"#]],
    );
}

#[test]
fn an_anchor_that_nothing_repeats_is_no_obstacle() {
    super::set("a: &x {c: 1}\n", "a.c", json!(2), "a: &x {c: 2}\n");
}

#[test]
fn a_tagged_value_is_refused() {
    set(
        "a: !!str 1\n",
        "a",
        expect!["f.yaml:1:10: `a`: the value has the tag tag:yaml.org,2002:str; edit it by hand, or take the tag away"],
    );
    set(
        "a: !vault x\n",
        "a",
        expect!["f.yaml:1:11: `a`: the value has the tag !vault; edit it by hand, or take the tag away"],
    );
}

#[test]
fn block_scalars_and_collections_are_refused() {
    set(
        "a: |\n  x\n",
        "a",
        expect![
            "f.yaml:2:3: `a`: the value is a block scalar (| or >); write it on one line, quoted, to have it edited"
        ],
    );
    set(
        "a: >-\n  x\n",
        "a",
        expect![
            "f.yaml:2:3: `a`: the value is a block scalar (| or >); write it on one line, quoted, to have it edited"
        ],
    );
    set("a: {b: 1}\n", "a", expect!["f.yaml:1:4: `a`: here is a mapping; give the path of a scalar in it"]);
    set("a: [1]\n", "a", expect!["f.yaml:1:4: `a`: here is a list; give the path of a scalar in it"]);
    set(
        "a: [1]\n",
        "a.b",
        expect![[r#"f.yaml:1:4: `a.b`: here is a list, not a mapping with a key "b"; correct the path or the file"#]],
    );
    set(
        "a: {b: 1}\n",
        "a[0]",
        expect!["f.yaml:1:4: `a[0]`: here is a mapping, not a list with an item [0]; correct the path or the file"],
    );
    set(
        "a: {b: 1}\n",
        "a[b=1].b",
        expect![
            "f.yaml:1:4: `a[b=1].b`: here is a mapping, not a list to choose an item from; correct the path or the file"
        ],
    );
    set(
        "a: 1\n",
        "a.b.c",
        expect![[
            r#"f.yaml:1:4: `a.b.c`: here is a scalar, not a mapping with a key "b"; correct the path or the file"#
        ]],
    );
}

#[test]
fn a_missing_key_needs_create_and_only_the_last_can_be_created() {
    set(
        "a:\n  b: 1\n",
        "a.c",
        expect![[
            r#"f.yaml:2:3: `a.c`: the mapping has no key "c"; correct the path, or set `create: true` to add the key"#
        ]],
    );
    set(
        "a:\n  b: 1\n",
        "a.c.d",
        expect![[r#"f.yaml:2:3: `a.c.d`: the mapping has no key "c"; only the last key of a path can be created"#]],
    );
    create(
        "a:\n  b: 1\n",
        "a.c.d",
        expect![[r#"f.yaml:2:3: `a.c.d`: the mapping has no key "c"; only the last key of a path can be created"#]],
    );
    create(
        "a:\n",
        "a.c",
        expect![[r#"f.yaml:1:2: `a.c`: here is nothing, not a mapping with a key "c"; correct the path or the file"#]],
    );
    create("", "a", expect!["f.yaml: `a` not found: the file is empty"]);
    create("# nothing\n", "a", expect!["f.yaml: `a` not found: the file is empty"]);
    create("a: [1]\n", "a[1]", expect!["f.yaml:1:4: `a[1]`: the list has 1 items, so none at [1] (they count from 0)"]);
    set(
        "l: [{n: x}]\n",
        "l[n=y].v",
        expect!["f.yaml:1:4: `l[n=y].v`: none of the list's 1 items matches the condition"],
    );
    set(
        "l: [{n: x, v: 1}, {n: x}]\n",
        "l[n=x].v",
        expect!["f.yaml:1:4: `l[n=x].v`: 2 items of the list match; add a condition, as [name=web,kind=x]"],
    );
}

#[test]
fn a_key_is_not_added_where_it_is_unclear_how() {
    create(
        "? a\n: 1\n",
        "b",
        expect!["f.yaml:1:3: a key cannot be added below an explicit key (?) or a tab; add it by hand"],
    );
    create(
        "m: {a, b}\n",
        "m.c",
        expect!["f.yaml:1:8: a key cannot be added after a key without a value; add it by hand"],
    );
    create(
        "m:\n  a: |+\n    x\n\nz: 1\n",
        "m.b",
        expect![
            "f.yaml:3:5: a key cannot be added after a block scalar that keeps its blank lines (+); add it by hand"
        ],
    );
}

#[test]
fn a_place_with_nothing_written_is_refused_without_a_colon() {
    set(
        "- \n- 1\n",
        "[0]",
        expect!["f.yaml:1:3: `[0]`: nothing is written here; write a value, such as null, to have it edited"],
    );
    set(
        "{a, b: 1}\n",
        "a",
        expect!["f.yaml:1:3: `a`: nothing is written here; write a value, such as null, to have it edited"],
    );
}

#[test]
fn several_documents_with_the_path_are_ambiguous() {
    let two = "kind: Service\nmetadata: {name: web}\na: 1\n---\na: 2\n";
    set(
        two,
        "a",
        expect![
            "f.yaml: `a` fits 2 documents (Service web in line 1, line 5); begin the path with what tells them apart, as [kind=Deployment,metadata.name=web]"
        ],
    );
    set(two, "[kind=Job].a", expect!["f.yaml: `[kind=Job].a`: no document matches the condition it begins with"]);
    create(
        two,
        "b",
        expect![
            "f.yaml: `b` fits 2 documents (Service web in line 1, line 5); begin the path with what tells them apart, as [kind=Deployment,metadata.name=web]"
        ],
    );
    set(
        "a: 1\n---\nx: &x 1\na: *x\n",
        "a",
        expect![
            "f.yaml: `a` fits 2 documents (line 1, line 3); begin the path with what tells them apart, as [kind=Deployment,metadata.name=web]"
        ],
    );
}

#[test]
fn invalid_files_are_refused_with_the_place() {
    set("a: 1\n b: 2\n", "a", expect!["f.yaml:2:3: invalid YAML: mapping values are not allowed in this context"]);
    set("a: [1\n", "a", expect!["f.yaml:1:4: invalid YAML: unclosed bracket '['"]);
    set("a: 'x\n", "a", expect!["f.yaml:2:1: invalid YAML: invalid indentation in multiline quoted scalar"]);
    set("a: *nowhere\n", "a", expect!["f.yaml:1:4: invalid YAML: while parsing node, found unknown anchor"]);
    set(
        "a:\n\tb: 1\n",
        "a.b",
        expect!["f.yaml:2:2: invalid YAML: tabs disallowed within this context (block indentation)"],
    );
    set("\ta: 1\n", "a", expect!["f.yaml:1:1: a tab in the indentation; YAML wants spaces"]);
    set(&"[".repeat(1000), "a", expect!["f.yaml:1:201: invalid YAML: recursion limit exceeded"]);
    refuse("f.json", "{\"a\": 1,}", &[edit("a", json!(2))], expect!["f.json:1:9: invalid JSON: key must be a string"]);
    refuse("f.json", "{\n  'a': 1}", &[edit("a", json!(2))], expect!["f.json:2:3: invalid JSON: key must be a string"]);
    refuse(
        "f.json",
        "{\"a\": 1, \"a\": 2}",
        &[edit("a", json!(3))],
        expect![[r#"f.json:1:10: `a`: the key "a" is there twice in one mapping; remove one of them"#]],
    );
    refuse("f.toml", "a = 1", &[edit("a", json!(2))], expect!["f.toml: only YAML and JSON files can be edited"]);
    let error = apply("f.yaml", b"a: 1\nb: \xff\n", &[edit("a", json!(2))]).unwrap_err();
    expect!["f.yaml:2:4: the file is not UTF-8; only UTF-8 can be edited"].assert_eq(&error.to_string());
}

#[test]
fn edits_are_bounded_and_agree() {
    refuse(
        "f.yaml",
        &"a".repeat(MAX_BYTES + 1),
        &[],
        expect!["f.yaml: the file has 1048577 bytes; at most 1048576 can be edited"],
    );
    refuse(
        "f.yaml",
        "a: 1",
        &vec![edit("a", json!(2)); 101],
        expect!["f.yaml: 101 edits of one file; at most 100 are allowed"],
    );
    refuse(
        "f.yaml",
        "a: 1",
        &[edit("a", json!(2)), edit("a", json!(3))],
        expect!["f.yaml:1:4: `a`: two edits set this to different values; remove one of them"],
    );
    refuse(
        "f.yaml",
        "a: 1",
        &[creating("b", json!(2)), creating("b", json!(3))],
        expect!["f.yaml:1:1: `b`: two edits set this to different values; remove one of them"],
    );
    refuse(
        "f.yaml",
        "a: 1",
        &[edit("a", json!([1]))],
        expect!["f.yaml: `a`: only a string, a number, a boolean or null can be set"],
    );
    check("f.yaml", "a: 1", &[edit("a", json!(2)), edit("a", json!(2))], "a: 2");
}
