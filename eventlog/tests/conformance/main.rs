//! One suite for every backend of the log: the embedded one on a private Postgres, and Apache Kafka. All are real servers, which the suite
//! starts, kills and restarts.
//!
//! `cargo test -p souk-eventlog --test conformance [part of a name]…` runs some of it. The tests of one backend run one after another on
//! one server, so that killing it disturbs nobody, and its memory can be looked at.

mod backend;
mod basics;
mod child;
mod embedded;
mod faults;
mod kafka;
mod runner;
mod support;

use std::process::ExitCode;

use backend::{Backend, Embedded, Kafka};
use runner::{Runner, case, cases};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    if let Some(orders) = child::orders(&arguments) {
        runtime.block_on(child::append_until_killed(orders));
        return ExitCode::SUCCESS;
    }
    let mut runner = Runner::new(&arguments);
    for (name, test) in cases![
        kafka::a_topic_that_would_lose_records_is_refused,
        kafka::a_message_carries_what_other_consumers_need,
        kafka::settings_that_cannot_work_are_told_from_brokers_that_are_away,
        kafka::log_2_a_broker_that_fails_requests_makes_no_duplicates,
        kafka::log_2_a_dead_producer_is_replaced_and_the_tail_decides,
    ] {
        runner.add("kafka", name, test);
    }
    for (name, test) in cases![
        embedded::log_2_a_lost_acknowledgement_is_not_a_lost_or_double_append,
        embedded::log_2_a_full_disk_loses_nothing_and_the_writer_goes_on,
        embedded::a_full_disk_under_everything_loses_nothing,
        embedded::the_schema_is_brought_up_to_date_once,
    ] {
        runner.add("embedded", name, test);
    }
    let everywhere = || {
        cases![
            basics::records_come_back_in_order_without_gaps,
            basics::reading_resumes_from_any_sequence,
            basics::limits_hold_and_one_record_always_comes,
            basics::a_stream_without_records_is_empty,
            basics::headers_come_back_as_they_were,
            basics::what_no_record_can_have_is_refused_with_nothing_written,
            basics::names_that_no_stream_can_have_are_refused,
            basics::a_waiter_wakes_when_its_record_comes,
            basics::a_record_of_64_mib_comes_back_whole,
            basics::many_writers_share_a_stream,
            basics::a_stream_has_one_writer_or_many,
            basics::streams_are_listed_once_they_have_records,
            basics::memory_is_bounded_however_much_is_appended_and_read,
            faults::log_2_a_second_writer_fences_the_first,
            faults::log_2_fencing_holds_through_many_takeovers,
            faults::log_2_an_unfinished_append_is_never_visible,
            faults::log_2_a_dropped_append_is_settled_before_the_next,
            faults::log_2_a_killed_writer_leaves_whole_appends_only,
            faults::log_2_acknowledged_records_survive_kill_9,
            faults::a_stopped_backend_is_unavailable_and_comes_back,
            faults::log_2_an_append_is_there_once_whatever_died_in_the_middle,
        ]
    };
    for backend in ["embedded", "kafka"] {
        for (name, test) in everywhere() {
            runner.add(backend, name, test);
        }
    }
    runtime.block_on(runner.run(async |name| -> Box<dyn Backend> {
        if name == "kafka" {
            Box::new(Kafka::start().await) as Box<dyn Backend>
        } else {
            Box::new(Embedded::start().await)
        }
    }))
}
