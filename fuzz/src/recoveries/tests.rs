//! The targets' machinery: that intact scenes are recovered whole, and that random ones are met.

use super::*;
use crate::scenes::CHOICE_BYTES;

/// An intact closed base in the default way, with these of its choices changed.
fn input(choices: &[(usize, u8)]) -> Vec<u8> {
    let mut input = vec![1, 3, 0, 0, 0, 0, 1, 0];
    assert_eq!(input.len(), CHOICE_BYTES);
    choices.iter().for_each(|&(at, choice)| input[at] = choice);
    input
}

fn recovered(input: &[u8]) -> Result<Recovered, Error> {
    let scene = Scene::of(input).unwrap();
    scene.change();
    let stage = Stage::of(&scene);
    stage.manager().recover(&mut |_| {})
}

#[test]
fn intact_journals_come_back_whole_from_their_checkpoints() {
    for only in [0, 1, 2, 4] {
        let input = input(&[(4, only)]);
        check(&input);
        let recovered = recovered(&input).unwrap();
        assert!(matches!(recovered, Recovered::Whole(_)), "{recovered:?}");
        let spared = recovered.recovery().record.spared_events;
        assert_eq!(spared > 0, only != 1, "{only}: {spared}");
    }
}

#[test]
fn a_killed_recovery_is_gone_on_with_and_a_rollback_stands() {
    let input = input(&[(1, 3 | 128), (6, 1 | 2)]);
    check(&input);
    let scene = Scene::of(&input).unwrap();
    let rolled_back = earlier(&scene).unwrap();
    assert_eq!(rolled_back.recovery().record.last_lsn, WATERMARKS[0]);
    kill(&scene);
    assert!(scene.folders[2].get(ATTEMPT).is_some());
    let recovered = Stage::of(&scene).manager().recover(&mut |_| {}).unwrap();
    assert!(recovered.recovery().record.resumed);
    assert_eq!(recovered.recovery().record.last_lsn, WATERMARKS[0]);
}

#[test]
fn any_input_is_met() {
    let mut random = 88_172_645_463_325_252_u64;
    let mut byte = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random.to_le_bytes()[3]
    };
    for _ in 0..2_000 {
        let length = 8 + usize::from(byte());
        let input: Vec<u8> = (0..length).map(|_| byte()).collect();
        check(&input);
    }
}

#[test]
fn seeds_are_met() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/seeds/recovery");
    let seeds: Vec<_> = std::fs::read_dir(folder).unwrap().collect();
    assert!(seeds.len() > 20);
    for seed in seeds {
        check(&std::fs::read(seed.unwrap().path()).unwrap());
    }
}
