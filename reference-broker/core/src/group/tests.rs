//! The coordinator alone, with time passed in: transcripts of who asks what and is answered what, and properties of
//! random commands.

mod play;
mod random;

use play::transcript;

use super::{Commit, OffsetToCommit};
use crate::units::TopicId;

/// By a client that is no member: topic, partition and offset of each.
pub(crate) fn commit(group: &str, offsets: &[(&str, i32, i64)]) -> Commit {
    let offset = |(topic, partition, offset): &(&str, i32, i64)| OffsetToCommit {
        topic: (*topic).into(),
        topic_id: TopicId::ZERO,
        partition: *partition,
        offset: *offset,
        leader_epoch: -1,
        metadata: None,
    };
    Commit {
        group: group.into(),
        member: "".into(),
        instance: None,
        generation: -1,
        retention_ms: None,
        tells_unknown_group: true,
        offsets: offsets.iter().map(offset).collect(),
    }
}

#[test]
fn a_member_is_told_its_id_joins_syncs_and_beats() {
    transcript(
        "
        > join g c
        refused c-1 MemberIdRequired
        > join g c id=c-1
        parked #2
        > beat g c-1 0
        refused RebalanceInProgress
        > wait 3000
        #2 joined c-1 generation=1 type=consumer protocol=range leader=c-1 members=[c-1]
        > describe g
        CompletingRebalance type=consumer protocol= members=[c-1]
        > sync g c-1 1 c-1=x
        synced type=consumer protocol=range assignment=x
        > log
        group g generation=0 type= members=[]
        group g generation=1 type=consumer protocol=range leader=c-1 members=[c-1=x]
        > beat g c-1 1
        done
        > beat g c-1 0
        refused IllegalGeneration
        > beat g nobody 1
        refused UnknownMemberId
        > beat other c-1 1
        refused UnknownMemberId
        > describe g
        Stable type=consumer protocol=range members=[c-1=x]
        ",
    );
}

#[test]
fn old_clients_join_at_once() {
    transcript(
        "
        > join g c at-once
        parked #1
        > log
        group g generation=0 type= members=[]
        > wait 3000
        #1 joined c-1 generation=1 type=consumer protocol=range leader=c-1 members=[c-1]
        ",
    );
}

#[test]
fn a_join_that_cannot_be_is_refused_and_makes_the_group_all_the_same() {
    transcript(
        "
        > join g c protocols=
        refused  InconsistentGroupProtocol
        > list
        g Empty
        > join g2 c id=who
        refused who UnknownMemberId
        > list
        g Empty
        > join g c session=10
        refused  InvalidSessionTimeout
        > join  c
        refused  InvalidGroupId
        ",
    );
}

#[test]
fn the_first_rebalance_waits_for_newcomers_but_no_longer_than_the_rebalance_timeout() {
    transcript(
        "
        > join g a at-once rebalance=7000
        parked #1
        > wait 2900
        > join g b at-once rebalance=7000
        parked #2
        > wait 2900
        > join g c at-once rebalance=7000
        parked #3
        > wait 1199
        > wait 1
        #1 joined a-1 generation=1 type=consumer protocol=range leader=a-1 members=[a-1 b-2 c-3]
        #2 joined b-2 generation=1 type=consumer protocol=range leader=a-1
        #3 joined c-3 generation=1 type=consumer protocol=range leader=a-1
        ",
    );
}

#[test]
fn followers_wait_for_the_leaders_assignment_and_a_stable_retry_gets_it_again() {
    transcript(
        "
        > two g
        > sync g b-2 1
        parked #3
        > sync g a-1 1 a-1=x
        synced type=consumer protocol=range assignment=x
        #3 synced type=consumer protocol=range assignment=
        > sync g a-1 1
        synced type=consumer protocol=range assignment=x
        > sync g b-2 1
        synced type=consumer protocol=range assignment=
        > sync g b-2 1 type=connect
        refused InconsistentGroupProtocol
        > sync g b-2 1 protocol=roundrobin
        refused InconsistentGroupProtocol
        > sync g b-2 2
        refused IllegalGeneration
        > sync g b-2 1 as=i
        refused UnknownMemberId
        > sync nobody b-2 1
        refused UnknownMemberId
        ",
    );
}

#[test]
fn the_majority_of_first_common_choices_is_the_protocol() {
    transcript(
        "
        > join g a at-once protocols=x,range,rr
        parked #1
        > join g b at-once protocols=rr,range
        parked #2
        > join g c at-once protocols=rr,range
        parked #3
        > join g d at-once protocols=x
        refused  InconsistentGroupProtocol
        > join g d at-once protocols=rr type=connect
        refused  InconsistentGroupProtocol
        > wait 6000
        #1 joined a-1 generation=1 type=consumer protocol=rr leader=a-1 members=[a-1 b-2 c-3]
        #2 joined b-2 generation=1 type=consumer protocol=rr leader=a-1
        #3 joined c-3 generation=1 type=consumer protocol=rr leader=a-1
        ",
    );
}

#[test]
fn a_protocol_named_twice_is_nobodys_choice() {
    transcript(
        "
        > join g a at-once protocols=range,range,rr
        parked #1
        > wait 3000
        #1 joined a-1 generation=1 type=consumer protocol=rr leader=a-1 members=[a-1]
        > join h a at-once protocols=range,range
        parked #2
        > wait 3000
        #2 refused a-2 InconsistentGroupProtocol
        > describe h
        Empty type=consumer protocol= members=[]
        ",
    );
}

#[test]
fn a_rejoin_rebalances_when_the_leader_asks_or_something_changed() {
    transcript(
        "
        > stable g
        > join g b id=b-2
        joined b-2 generation=1 type=consumer protocol=range leader=a-1
        > join g b id=b-2 protocols=range,rr
        parked #6
        > beat g a-1 1
        refused RebalanceInProgress
        > sync g a-1 1
        refused RebalanceInProgress
        > join g a id=a-1
        parked #8
        #8 joined a-1 generation=2 type=consumer protocol=range leader=a-1 members=[a-1 b-2]
        #6 joined b-2 generation=2 type=consumer protocol=range leader=a-1
        > join g a id=a-1
        joined a-1 generation=2 type=consumer protocol=range leader=a-1 members=[a-1 b-2]
        > sync g b-2 2
        parked #10
        > join g a id=a-1 protocols=range,rr
        parked #11
        #10 refused RebalanceInProgress
        > join g b id=b-2
        parked #12
        #11 joined a-1 generation=3 type=consumer protocol=range leader=a-1 members=[a-1 b-2]
        #12 joined b-2 generation=3 type=consumer protocol=range leader=a-1
        > sync g a-1 3 a-1=x,b-2=y
        synced type=consumer protocol=range assignment=x
        > join g a id=a-1 protocols=range,rr
        parked #14
        ",
    );
}

#[test]
fn who_does_not_rejoin_in_time_is_dropped_and_another_leads() {
    transcript(
        "
        > stable g
        > join g b id=b-2 protocols=range,rr
        parked #5
        > wait 9000
        > beat g a-1 1
        refused RebalanceInProgress
        > wait 9000
        > beat g a-1 1
        refused RebalanceInProgress
        > wait 2000
        #5 joined b-2 generation=2 type=consumer protocol=range leader=b-2 members=[b-2]
        > beat g a-1 1
        refused UnknownMemberId
        ",
    );
}

#[test]
fn who_never_syncs_is_dropped_at_the_rebalance_timeout() {
    transcript(
        "
        > two g
        > sync g a-1 1 a-1=x
        synced type=consumer protocol=range assignment=x
        > wait 9000
        > beat g a-1 1
        done
        > beat g b-2 1
        done
        > wait 9000
        > beat g a-1 1
        done
        > beat g b-2 1
        done
        > wait 2000
        > beat g a-1 1
        refused RebalanceInProgress
        > beat g b-2 1
        refused UnknownMemberId
        ",
    );
}

#[test]
fn a_silent_member_is_dropped_after_its_session_and_its_place_is_rebalanced() {
    transcript(
        "
        > stable g
        > wait 9999
        > beat g a-1 1
        done
        > wait 1
        > describe g
        PreparingRebalance type=consumer protocol= members=[a-1=x]
        > join g a id=a-1
        parked #5
        #5 joined a-1 generation=2 type=consumer protocol=range leader=a-1 members=[a-1]
        > sync g a-1 2
        synced type=consumer protocol=range assignment=
        > wait 10000
        > describe g
        Empty type=consumer protocol= members=[]
        > log
        group g generation=2 type=consumer protocol=range leader=a-1 members=[a-1=]
        group g generation=3 type=consumer members=[]
        ",
    );
}

#[test]
fn an_id_that_is_never_used_expires_and_holds_nobody_up() {
    transcript(
        "
        > stable g
        > join g c
        refused c-5 MemberIdRequired
        > join g a id=a-1
        parked #6
        > join g b id=b-2
        parked #7
        > wait 10000
        #6 joined a-1 generation=2 type=consumer protocol=range leader=a-1 members=[a-1 b-2]
        #7 joined b-2 generation=2 type=consumer protocol=range leader=a-1
        > join g c id=c-5
        refused c-5 UnknownMemberId
        ",
    );
}

#[test]
fn members_leave_and_the_last_one_ends_the_generation() {
    transcript(
        "
        > stable g
        > leave g b-2 nobody b-2
        left ok UnknownMemberId UnknownMemberId
        > beat g a-1 1
        refused RebalanceInProgress
        > leave g a-1
        left ok
        > describe g
        Empty type=consumer protocol= members=[]
        > log
        group g generation=2 type=consumer members=[]
        > leave g a-1
        left UnknownMemberId
        > leave nobody a-1
        left UnknownMemberId
        > sync g a-1 2
        refused UnknownMemberId
        > join g a id=a-1
        refused a-1 UnknownMemberId
        ",
    );
}

#[test]
fn a_member_that_leaves_while_it_joins_is_answered() {
    transcript(
        "
        > stable g
        > join g b id=b-2 protocols=range,rr
        parked #5
        > leave g b-2
        left ok
        #5 refused  UnknownMemberId
        > join g a id=a-1
        parked #6
        #6 joined a-1 generation=2 type=consumer protocol=range leader=a-1 members=[a-1]
        ",
    );
}

#[test]
fn a_full_group_takes_only_those_it_has() {
    transcript(
        "
        > max-size 2
        > stable g
        > join g c at-once
        refused  GroupMaxSizeReached
        > join g a id=a-1
        parked #6
        > join g b id=b-2
        parked #7
        #6 joined a-1 generation=2 type=consumer protocol=range leader=a-1 members=[a-1 b-2]
        #7 joined b-2 generation=2 type=consumer protocol=range leader=a-1
        ",
    );
}

#[test]
fn a_static_member_comes_back_without_a_rebalance() {
    transcript(
        "
        > static g
        > join g b as=ib
        parked #5
        #5 joined ib-5 generation=1 type=consumer protocol=range leader=ia-1
        > join g a as=ia skips
        parked #6
        #6 joined ia-6 generation=1 type=consumer protocol=range leader=ia-6 members=[ia-6/ia ib-5/ib] skip
        > join g a as=ia
        parked #7
        #7 joined ia-7 generation=1 type=consumer protocol=range leader=ia-6
        > sync g ia-7 1 as=ia
        synced type=consumer protocol=range assignment=x
        > log
        group g generation=1 type=consumer protocol=range leader=ia-1 members=[ia-1/ia=x ib-2/ib=y]
        group g generation=1 type=consumer protocol=range leader=ia-1 members=[ia-1/ia=x ib-5/ib=y]
        group g generation=1 type=consumer protocol=range leader=ia-6 members=[ia-6/ia=x ib-5/ib=y]
        group g generation=1 type=consumer protocol=range leader=ia-7 members=[ia-7/ia=x ib-5/ib=y]
        ",
    );
}

#[test]
fn the_old_id_of_a_static_member_is_fenced() {
    transcript(
        "
        > static g
        > join g b as=ib
        parked #5
        #5 joined ib-5 generation=1 type=consumer protocol=range leader=ia-1
        > join g b id=ib-2 as=ib
        refused ib-2 FencedInstanceId
        > sync g ib-2 1 as=ib
        refused FencedInstanceId
        > beat g ib-2 1 as=ib
        refused FencedInstanceId
        > commit g ib-2 1 as=ib t/0=1
        refused FencedInstanceId
        > leave g ib-2@ib
        left FencedInstanceId
        > beat g ib-5 1 as=other
        refused UnknownMemberId
        > leave g @ib @other
        left ok UnknownMemberId
        > beat g ia-1 1 as=ia
        refused RebalanceInProgress
        ",
    );
}

#[test]
fn a_static_return_that_changes_the_vote_or_meets_a_rebalance_rebalances() {
    transcript(
        "
        > static g
        > join g b as=ib protocols=rr
        refused  InconsistentGroupProtocol
        > join g a as=ia protocols=range,rr
        parked #6
        #6 joined ia-6 generation=1 type=consumer protocol=range leader=ia-1
        > join g a id=ia-6 as=ia protocols=range,rr
        parked #7
        > join g b as=ib
        parked #8
        #7 joined ia-6 generation=2 type=consumer protocol=range leader=ia-6 members=[ia-6/ia ib-8/ib]
        #8 joined ib-8 generation=2 type=consumer protocol=range leader=ia-6
        > sync g ib-8 2 as=ib
        parked #9
        > join g b as=ib
        parked #10
        #9 refused FencedInstanceId
        > beat g ia-6 2 as=ia
        refused RebalanceInProgress
        > join g b as=ib
        parked #11
        #10 refused ib-10 FencedInstanceId
        ",
    );
}

#[test]
fn static_members_are_kept_until_their_sessions_end() {
    transcript(
        "
        > static g
        > beat g ia-1 1
        done
        > join g b id=ib-2 as=ib protocols=range,rr
        parked #5
        > wait 10000
        #5 joined ib-2 generation=2 type=consumer protocol=range leader=ib-2 members=[ib-2/ib]
        ",
    );
}

#[test]
fn after_a_restart_members_have_their_session_to_show_up() {
    transcript(
        "
        > stable g
        > commit g a-1 1 t/0=5
        ok
        > restart
        > describe g
        Stable type=consumer protocol=range members=[a-1=x b-2=y]
        > offsets g
        t/0=5
        > wait 9999
        > beat g a-1 1
        done
        > join g a id=a-1
        parked #5
        > wait 1
        #5 joined a-1 generation=2 type=consumer protocol=range leader=a-1 members=[a-1]
        ",
    );
}

#[test]
fn anyone_commits_to_a_group_without_members_and_only_members_to_others() {
    transcript(
        "
        > commit g  -1 t/0=5 t/1=-7
        ok ok
        > list
        g Empty
        > offsets g
        t/0=5 t/1=-7
        > commit nobody  3 t/0=1
        refused IllegalGeneration
        > commit nobody  3 tells t/0=1
        refused GroupIdNotFound
        > stable g
        > commit g  -1 t/0=1
        refused UnknownMemberId
        > commit g a-1 7 t/0=1
        refused IllegalGeneration
        > commit g a-1 -1 t/0=1
        refused IllegalGeneration
        > commit g nobody 1 t/0=1
        refused UnknownMemberId
        > commit g a-1 1 t/0=9 t/1=long
        ok OffsetMetadataTooLarge
        > join g a id=a-1
        parked #5
        > commit g b-2 1 t/0=10
        ok
        > join g b id=b-2
        parked #6
        #5 joined a-1 generation=2 type=consumer protocol=range leader=a-1 members=[a-1 b-2]
        #6 joined b-2 generation=2 type=consumer protocol=range leader=a-1
        > commit g b-2 2 t/0=11
        refused RebalanceInProgress
        > offsets g
        t/0=10 t/1=-7
        ",
    );
}

#[test]
fn a_commit_keeps_a_member_alive() {
    transcript(
        "
        > stable g
        > wait 9000
        > commit g a-1 1 t/0=5
        ok
        > wait 9000
        > describe g
        PreparingRebalance type=consumer protocol= members=[a-1=x]
        ",
    );
}

#[test]
fn offsets_and_groups_are_deleted() {
    transcript(
        "
        > stable g
        > commit g a-1 1 t/0=1 u/0=2 u/1=3
        ok ok ok
        > delete-offsets g t/0 u/0 u/9
        GroupSubscribedToTopic ok ok
        > offsets g
        t/0=1 u/1=3
        > delete-offsets nobody t/0
        refused GroupIdNotFound
        > delete g
        refused NonEmptyGroup
        > drop u
        done
        > offsets g
        t/0=1
        > leave g a-1 b-2
        left ok ok
        > delete-offsets g t/7
        ok
        > delete g
        done
        > offsets g
        
        > delete g
        refused GroupIdNotFound
        > stable c type=connect
        > delete-offsets c t/0
        refused NonEmptyGroup
        ",
    );
}

#[test]
fn offsets_expire_after_their_retention_and_take_an_empty_group_along() {
    transcript(
        "
        > commit simple  -1 t/0=1
        ok
        > commit explicit  -1 retention=3600000 t/0=1
        ok
        > stable g
        > commit g a-1 1 t/0=1 u/0=1
        ok ok
        > wait-beating 604200000
        > list
        g Stable
        simple Empty
        > offsets g
        t/0=1 u/0=1
        > wait-beating 1200000
        > list
        g Stable
        > offsets g
        t/0=1
        > leave g a-1 b-2
        left ok ok
        > wait 604200000
        > list
        g Empty
        > wait 1200000
        > list
        
        ",
    );
}
