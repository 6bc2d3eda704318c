//! Scenes: what the graph says in situations that people can follow.

use expect_test::{Expect, expect};

use super::run;

fn check(scene: &str, expected: Expect) {
    expected.assert_eq(&run(scene));
}

#[test]
fn lin_1_edges_name_the_events_that_made_them() {
    check(
        "
        block 1/5: asset 1/1, asset 1/2
        block 1/6: asset 1/3, 1/3 FINETUNED_FROM 1/1, 1/3 TRAINED_ON 1/2
        block 1/7: asset 1/4, 1/4 ADAPTER_OF 1/3, 1/4 DERIVED_FROM 1/1
        ancestors 1/4
        ancestors 1/4 depth 1
        ancestors 1/4 limit 1
        descendants 1/1
        paths 1/4 1/1
        paths 1/1 1/4
        paths 1/1 1/1
        ",
        expect![[r#"
            ancestors 1/4
              [1/1@1 1/3@1 1/2@2]
              1/4>1/3 by 1:7.1, 1/4>1/1 by 1:7.2, 1/3>1/1 by 1:6.1, 1/3>1/2 by 1:6.2
            ancestors 1/4 depth 1
              [1/1@1 1/3@1]
              1/4>1/3 by 1:7.1, 1/4>1/1 by 1:7.2, 1/3>1/1 by 1:6.1
            ancestors 1/4 limit 1
              [1/1@1] of 3
              1/4>1/1 by 1:7.2
            descendants 1/1
              [1/3@1 1/4@1]
              1/3>1/1 by 1:6.1, 1/4>1/1 by 1:7.2, 1/4>1/3 by 1:7.1
            paths 1/4 1/1
              2 in all
              1/4>1/1 by 1:7.2
              1/4>1/3 by 1:7.1, 1/3>1/1 by 1:6.1
            paths 1/1 1/4
              0 in all
            paths 1/1 1/1
              0 in all
        "#]],
    );
}

#[test]
fn as_of_a_block_the_graph_is_what_it_was_then() {
    check(
        "
        block 1/5: asset 1/1, asset 1/2
        block 1/6: 1/2 FINETUNED_FROM 1/1
        block 1/8: asset 1/3, 1/3 FINETUNED_FROM 1/2, end 6.0
        ancestors 1/3
        ancestors 1/2 as of 1/5
        ancestors 1/2 as of 1/6
        ancestors 1/2 as of 1/7
        ancestors 1/2 as of 1/8
        descendants 1/1 as of 1/7
        registered 1/3 as of 1/7
        registered 1/3 as of 1/99
        revert 1/7
        ancestors 1/2
        ancestors 1/3
        ",
        expect![[r#"
            ancestors 1/3
              [1/2@1]
              1/3>1/2 by 1:8.1
            ancestors 1/2 as of 1/5
              []
            ancestors 1/2 as of 1/6
              [1/1@1]
              1/2>1/1 by 1:6.0
            ancestors 1/2 as of 1/7
              [1/1@1]
              1/2>1/1 by 1:6.0
            ancestors 1/2 as of 1/8
              []
            descendants 1/1 as of 1/7
              [1/2@1]
              1/2>1/1 by 1:6.0
            registered 1/3 as of 1/7
              not
            registered 1/3 as of 1/99
              by 1:8.0
            ancestors 1/2
              [1/1@1]
              1/2>1/1 by 1:6.0
            ancestors 1/3
              unknown
        "#]],
    );
}

#[test]
fn a_foreign_parent_is_the_asset_that_it_names_once_that_is_indexed() {
    check(
        "
        block 1/5: asset 1/1, 1/1 claims 2/7, 1/1 claims hf:model/llama
        ancestors 1/1
        registered 2/7
        block 2/3: asset 2/6, asset 2/7, 2/7 FINETUNED_FROM 2/6
        ancestors 1/1
        registered 2/7
        ancestors 1/1 as of 2/2
        registered 2/7 as of 2/2
        descendants 2/6
        revert 2/2
        ancestors 1/1
        registered 2/7
        revert 1/4
        registered 2/7
        size
        ",
        expect![[r#"
            ancestors 1/1
              [2/7@1 hf:model/llama@1]
              1/1>2/7 by 1:5.1, 1/1>hf:model/llama by 1:5.2
            registered 2/7
              not
            ancestors 1/1
              [2/7@1 hf:model/llama@1 2/6@2]
              1/1>2/7 by 1:5.1, 1/1>hf:model/llama by 1:5.2, 2/7>2/6 by 2:3.2
            registered 2/7
              by 2:3.1
            ancestors 1/1 as of 2/2
              [2/7@1 hf:model/llama@1]
              1/1>2/7 by 1:5.1, 1/1>hf:model/llama by 1:5.2
            registered 2/7 as of 2/2
              not
            descendants 2/6
              [2/7@1 1/1@2]
              2/7>2/6 by 2:3.2, 1/1>2/7 by 1:5.1
            ancestors 1/1
              [2/7@1 hf:model/llama@1]
              1/1>2/7 by 1:5.1, 1/1>hf:model/llama by 1:5.2
            registered 2/7
              not
            registered 2/7
              unknown
            size
              0 nodes, 0 edges
        "#]],
    );
}

#[test]
fn lin_1_a_claim_that_closes_a_cycle_is_marked_and_left_out() {
    check(
        "
        block 1/5 at 50: asset 1/1, 1/1 claims 2/1
        block 2/5 at 60: asset 2/1, asset 2/2, 2/2 FINETUNED_FROM 2/1, 2/1 claims 1/1, 2/2 claims 2/2
        left-out
        declared 2/1
        ancestors 1/1
        ancestors 2/1
        paths 2/1 1/1
        revert 1/4
        left-out
        ancestors 2/2
        ",
        expect![[r#"
            left-out
              2/1>1/1 by 2:5.3, 2/2>2/2 by 2:5.4
            declared 2/1
              2/1>1/1 by 2:5.3 closes a cycle
            ancestors 1/1
              [2/1@1]
              1/1>2/1 by 1:5.1
            ancestors 2/1
              []
            paths 2/1 1/1
              0 in all
            left-out
              2/2>2/2 by 2:5.4
            ancestors 2/2
              [2/1@1 1/1@2]
              2/2>2/1 by 2:5.2, 2/1>1/1 by 2:5.3
        "#]],
    );
}

#[test]
fn lin_1_a_native_edge_displaces_claims_however_late_it_comes() {
    check(
        "
        block 1/5 at 50: asset 1/1, asset 1/2
        block 2/5 at 60: asset 2/1
        block 1/6 at 70: 1/1 claims 2/1
        block 2/6 at 80: 2/1 claims 1/2
        ancestors 1/1
        block 1/7 at 90: 1/2 DERIVED_FROM 1/1
        left-out
        ancestors 1/1
        ancestors 1/2
        left-out as of 1/6
        left-out as of 1/6 2/5
        revert 1/6
        left-out
        ",
        expect![[r#"
            ancestors 1/1
              [2/1@1 1/2@2]
              1/1>2/1 by 1:6.0, 2/1>1/2 by 2:6.0
            left-out
              2/1>1/2 by 2:6.0
            ancestors 1/1
              [2/1@1]
              1/1>2/1 by 1:6.0
            ancestors 1/2
              [1/1@1 2/1@2]
              1/2>1/1 by 1:7.0, 1/1>2/1 by 1:6.0
            left-out as of 1/6
              none
            left-out as of 1/6 2/5
              none
            left-out
              none
        "#]],
    );
}

#[test]
fn lin_1_among_claims_the_earlier_block_wins_whatever_arrives_first() {
    let one = "block 1/5 at 70: asset 1/1, 1/1 claims 2/1";
    let other = "block 2/9 at 60: asset 2/1, 2/1 claims 1/1";
    check(
        &format!("{one}\n {other}\n left-out\n forget 1\n left-out\n {one}\n left-out"),
        expect![[r#"
            left-out
              1/1>2/1 by 1:5.1
            left-out
              none
            left-out
              1/1>2/1 by 1:5.1
        "#]],
    );
}

#[test]
fn paths_are_shortest_first_then_by_their_events_and_counted_beyond_the_limit() {
    let mut ladder = String::from("block 1/1: asset 1/0\n");
    for rung in 1..=70 {
        ladder += &format!(
            "block 1/{}: asset 1/{rung}, 1/{rung} DERIVED_FROM 1/{}, 1/{rung} MERGED_FROM 1/{}\n",
            rung + 1,
            rung - 1,
            rung - 1
        );
    }
    check(
        &format!(
            "{ladder}\n paths 1/2 1/0 \n paths 1/3 1/1 limit 2 \n paths 1/63 1/0 limit 0 \n paths 1/70 1/0 limit 0"
        ),
        expect![[r#"
            paths 1/2 1/0
              4 in all
              1/2>1/1 by 1:3.1, 1/1>1/0 by 1:2.1
              1/2>1/1 by 1:3.1, 1/1>1/0 by 1:2.2
              1/2>1/1 by 1:3.2, 1/1>1/0 by 1:2.1
              1/2>1/1 by 1:3.2, 1/1>1/0 by 1:2.2
            paths 1/3 1/1 limit 2
              4 in all, cropped
              1/3>1/2 by 1:4.1, 1/2>1/1 by 1:3.1
              1/3>1/2 by 1:4.1, 1/2>1/1 by 1:3.2
            paths 1/63 1/0 limit 0
              9223372036854775808 in all, cropped
            paths 1/70 1/0 limit 0
              18446744073709551615 in all, cropped
        "#]],
    );
}

#[test]
fn detours_of_equal_length_come_by_their_events_wherever_they_leave_the_short_way() {
    check(
        "
        block 1/1: asset 1/0
        block 1/2: 1/3 DERIVED_FROM 1/0, 1/4 DERIVED_FROM 1/0
        block 1/3: 1/1 DERIVED_FROM 1/3, 1/1 DERIVED_FROM 1/0, 1/2 DERIVED_FROM 1/0, 1/2 DERIVED_FROM 1/4
        block 1/4: 1/5 DERIVED_FROM 1/1, 1/5 DERIVED_FROM 1/2
        paths 1/5 1/0
        paths 1/5 1/0 limit 3
        ",
        expect![[r#"
            paths 1/5 1/0
              4 in all
              1/5>1/1 by 1:4.0, 1/1>1/0 by 1:3.1
              1/5>1/2 by 1:4.1, 1/2>1/0 by 1:3.2
              1/5>1/1 by 1:4.0, 1/1>1/3 by 1:3.0, 1/3>1/0 by 1:2.0
              1/5>1/2 by 1:4.1, 1/2>1/4 by 1:3.3, 1/4>1/0 by 1:2.1
            paths 1/5 1/0 limit 3
              4 in all, cropped
              1/5>1/1 by 1:4.0, 1/1>1/0 by 1:3.1
              1/5>1/2 by 1:4.1, 1/2>1/0 by 1:3.2
              1/5>1/1 by 1:4.0, 1/1>1/3 by 1:3.0, 1/3>1/0 by 1:2.0
        "#]],
    );
}

#[test]
fn changes_that_do_not_fit_leave_the_graph_as_it_was() {
    check(
        "
        block 1/5: asset 1/1, asset 1/2, 1/2 DERIVED_FROM 1/1
        block 1/5: asset 1/3
        block 1/6: asset 1/3, asset 1/1
        block 1/6: asset 1/3, asset 2/1
        block 1/6: end 5.2, end 5.2
        block 1/6: 1/2 DERIVED_FROM 1/3, unregister 1/9
        size
        ancestors 1/2
        forget 1
        size
        ",
        expect![[r#"
            block 1/5: asset 1/3
              1/5: asset 1/3: chain 1: a change of block 5 does not lie in blocks 5 (exclusive) to 5; revert first, or load the chain again
            block 1/6: asset 1/3, asset 1/1
              1/6: asset 1/3, asset 1/1: chain 1: the fact of block 6, log 1 is there already; load the chain again
            block 1/6: asset 1/3, asset 2/1
              1/6: asset 1/3, asset 2/1: an asset of chain 2 in changes of chain 1
            block 1/6: end 5.2, end 5.2
              1/6: end 5.2, end 5.2: chain 1: block 6 ends or changes a fact that the graph does not hold; load the chain again
            block 1/6: 1/2 DERIVED_FROM 1/3, unregister 1/9
              1/6: 1/2 DERIVED_FROM 1/3, unregister 1/9: chain 1: block 6 ends or changes a fact that the graph does not hold; load the chain again
            size
              2 nodes, 1 edges
            ancestors 1/2
              [1/1@1]
              1/2>1/1 by 1:5.2
            size
              0 nodes, 0 edges
        "#]],
    );
}

/// An edge counts for lineage whatever backs it or speaks against it.
#[test]
fn lin_1_what_backs_an_edge_changes_with_blocks_and_comes_back_with_them() {
    check(
        "
        block 1/5: asset 1/1, asset 1/2, 1/2 DERIVED_FROM 1/1
        block 1/6: status 5.2 evidenced
        block 1/8: status 5.2 disputed
        statuses 1/2
        statuses 1/2 as of 1/5
        statuses 1/2 as of 1/7
        ancestors 1/2
        revert 1/7
        statuses 1/2
        block 1/8: status 5.2 declared
        statuses 1/2
        revert 1/5
        statuses 1/2
        block 1/6: status 5.1 disputed
        statuses 1/2
        ",
        expect![[r#"
            statuses 1/2
              1/2>1/1 by 1:5.2 Disputed
            statuses 1/2 as of 1/5
              1/2>1/1 by 1:5.2 Declared
            statuses 1/2 as of 1/7
              1/2>1/1 by 1:5.2 Evidenced
            ancestors 1/2
              [1/1@1]
              1/2>1/1 by 1:5.2
            statuses 1/2
              1/2>1/1 by 1:5.2 Evidenced
            statuses 1/2
              1/2>1/1 by 1:5.2 Declared
            statuses 1/2
              1/2>1/1 by 1:5.2 Declared
            block 1/6: status 5.1 disputed
              1/6: status 5.1 disputed: chain 1: block 6 ends or changes a fact that the graph does not hold; load the chain again
            statuses 1/2
              1/2>1/1 by 1:5.2 Declared
        "#]],
    );
}
