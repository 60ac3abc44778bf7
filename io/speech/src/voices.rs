//! The voices that developers name, mapped to those of espeak-ng (contract, runtime.md 3.2 Say).

use std::collections::HashSet;

/// A voice as the engine takes it, and what the developer should know about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Voice {
    /// Of our own tables and the engine's list only, never of a document: it becomes an argument.
    pub(crate) name: String,
    pub(crate) warning: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Gender {
    Male,
    Female,
}

/// The voice for what a Say asked for, among the languages the engine has (in lower case).
pub(crate) fn choose(voice: Option<&str>, language: Option<&str>, languages: &HashSet<String>) -> Voice {
    let (gender, own_language, unknown) = named(voice);
    let mut warnings = Vec::new();
    if unknown {
        warnings.push(format!("Voice {} is not known; the default voice speaks", quoted(voice)));
    }
    let wanted = match (own_language.as_deref(), language) {
        (Some(own), Some(asked)) if primary(own) != primary(asked) => {
            let voice = quoted(voice);
            warnings.push(format!("Voice {voice} speaks {own} and not {}", quoted(Some(asked))));
            own
        }
        // The same language with another accent: the one asked for.
        (_, Some(asked)) => asked,
        (Some(own), None) => own,
        (None, None) => DEFAULT_LANGUAGE,
    };
    let (mut name, known) = engine_language(wanted, languages);
    if !known {
        warnings.push(format!("Language {} is not available; {name} is spoken", quoted(Some(wanted))));
    }
    if gender == Gender::Female {
        name.push_str("+f3");
    }
    Voice { name, warning: (!warnings.is_empty()).then(|| warnings.join(". ")) }
}

const DEFAULT_LANGUAGE: &str = "en-US";

/// What a voice's name says: gender, its own language if it has one, and whether it is unknown.
fn named(voice: Option<&str>) -> (Gender, Option<String>, bool) {
    let Some(voice) = voice.map(str::trim).filter(|voice| !voice.is_empty()) else {
        return (Gender::Male, None, false);
    };
    let lower = voice.to_lowercase();
    match lower.as_str() {
        "man" => (Gender::Male, None, false),
        "woman" | "alice" => (Gender::Female, None, false),
        _ => {
            let polly = lower.strip_prefix("polly.").and_then(polly);
            let google = || lower.strip_prefix("google.").and_then(google);
            match polly.or_else(google) {
                Some((gender, language)) => (gender, Some(language), false),
                None => (Gender::Male, None, true),
            }
        }
    }
}

/// `joanna`, `joanna-neural`, `amy-generative`.
fn polly(name: &str) -> Option<(Gender, String)> {
    let plain: String = name.split('-').next()?.chars().map(unaccented).collect();
    let (_, gender, language) = POLLY.iter().find(|(known, _, _)| *known == plain)?;
    Some((*gender, (*language).to_owned()))
}

/// `en-us-standard-a`, `cmn-cn-wavenet-b`, `en-us-chirp3-hd-aoede`. Which letter is whose is different in
/// each
/// language; mostly A, C, E, F, G and H are women.
fn google(name: &str) -> Option<(Gender, String)> {
    let mut parts = name.split('-');
    let (language, region) = (parts.next()?, parts.next()?);
    let is_tag = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_alphanumeric())
    };
    if !is_tag(language, 2..=3) || !is_tag(region, 2..=4) {
        return None;
    }
    let male = match parts.next_back()? {
        letter if letter.len() == 1 => matches!(letter, "b" | "d" | "i" | "j"),
        star => GOOGLE_MEN.contains(&star),
    };
    Some((if male { Gender::Male } else { Gender::Female }, format!("{language}-{region}")))
}

fn unaccented(letter: char) -> char {
    match letter {
        'é' | 'è' => 'e',
        'á' => 'a',
        'í' => 'i',
        'ó' => 'o',
        'ú' => 'u',
        other => other,
    }
}

/// The engine's language for a tag, and whether it is that language at all.
fn engine_language(tag: &str, languages: &HashSet<String>) -> (String, bool) {
    let tag = tag.trim().to_lowercase().replace('_', "-");
    let mapped = REGIONS.iter().find(|(known, _)| *known == tag).map(|(_, engine)| *engine);
    let general = GENERAL.iter().find(|(known, _)| *known == primary(&tag)).map(|(_, engine)| *engine);
    let candidates = [mapped, Some(tag.as_str()), general, Some(primary(&tag))];
    let found = candidates.into_iter().flatten().find(|name| languages.contains(*name));
    match found {
        Some(name) => (name.to_owned(), true),
        None if languages.contains("en-us") => ("en-us".to_owned(), false),
        None => ("en".to_owned(), false),
    }
}

fn primary(tag: &str) -> &str {
    let language = tag.split(['-', '_']).next().unwrap_or_default();
    // Two names of one language each.
    match language {
        "arb" => "ar",
        "zh" => "cmn",
        "no" => "nb",
        "iw" => "he",
        other => other,
    }
}

fn quoted(text: Option<&str>) -> String {
    let short: String = text.unwrap_or_default().chars().filter(|c| !c.is_control()).take(64).collect();
    format!("\"{short}\"")
}

/// Accents that the engine has under another name.
const REGIONS: &[(&str, &str)] = &[
    ("en-au", "en-gb"),
    ("en-gb-wls", "en-gb"),
    ("en-ie", "en-gb"),
    ("en-in", "en-gb"),
    ("en-nz", "en-gb"),
    ("en-sg", "en-gb"),
    ("en-za", "en-gb"),
    ("es-es", "es"),
    ("es", "es"),
    ("fr-be", "fr-be"),
    ("fr-ch", "fr-ch"),
    ("pt-pt", "pt"),
    ("zh-hk", "yue"),
];

/// Languages whose general voice has another name than the language.
const GENERAL: &[(&str, &str)] = &[
    ("ar", "ar"),
    ("cmn", "cmn"),
    ("en", "en-us"),
    ("es", "es-419"),
    ("fil", "en-us"),
    ("fr", "fr-fr"),
    ("he", "he"),
    ("nb", "nb"),
    ("nn", "nb"),
    ("pt", "pt-br"),
    ("vi", "vi"),
    ("wuu", "cmn"),
    ("yue", "yue"),
];

/// Google's named voices that are men; all others are women.
const GOOGLE_MEN: &[&str] = &[
    "achird",
    "algenib",
    "algieba",
    "alnilam",
    "charon",
    "enceladus",
    "fenrir",
    "iapetus",
    "orus",
    "puck",
    "rasalgethi",
    "sadachbia",
    "sadaltager",
    "schedar",
    "umbriel",
    "zubenelgenubi",
];

use Gender::{Female, Male};

/// Amazon Polly's voices, their accents written plainly.
const POLLY: &[(&str, Gender, &str)] = &[
    ("adriano", Male, "it-IT"),
    ("aditi", Female, "en-IN"),
    ("amy", Female, "en-GB"),
    ("andres", Male, "es-MX"),
    ("aria", Female, "en-NZ"),
    ("arlet", Female, "ca-ES"),
    ("arthur", Male, "en-GB"),
    ("astrid", Female, "sv-SE"),
    ("ayanda", Female, "en-ZA"),
    ("bianca", Female, "it-IT"),
    ("brian", Male, "en-GB"),
    ("burcu", Female, "tr-TR"),
    ("camila", Female, "pt-BR"),
    ("carla", Female, "it-IT"),
    ("carmen", Female, "ro-RO"),
    ("celine", Female, "fr-FR"),
    ("chantal", Female, "fr-CA"),
    ("conchita", Female, "es-ES"),
    ("cristiano", Male, "pt-PT"),
    ("daniel", Male, "de-DE"),
    ("danielle", Female, "en-US"),
    ("dora", Female, "is-IS"),
    ("elin", Female, "sv-SE"),
    ("emma", Female, "en-GB"),
    ("enrique", Male, "es-ES"),
    ("ewa", Female, "pl-PL"),
    ("filiz", Female, "tr-TR"),
    ("gabrielle", Female, "fr-CA"),
    ("geraint", Male, "en-GB-WLS"),
    ("giorgio", Male, "it-IT"),
    ("gregory", Male, "en-US"),
    ("gwyneth", Female, "cy-GB"),
    ("hala", Female, "ar-AE"),
    ("hannah", Female, "de-AT"),
    ("hans", Male, "de-DE"),
    ("hiujin", Female, "yue-CN"),
    ("ida", Female, "nb-NO"),
    ("ines", Female, "pt-PT"),
    ("isabelle", Female, "fr-BE"),
    ("ivy", Female, "en-US"),
    ("jacek", Male, "pl-PL"),
    ("jan", Male, "pl-PL"),
    ("jasmine", Female, "en-SG"),
    ("jihye", Female, "ko-KR"),
    ("jitka", Female, "cs-CZ"),
    ("joanna", Female, "en-US"),
    ("joey", Male, "en-US"),
    ("justin", Male, "en-US"),
    ("kajal", Female, "en-IN"),
    ("karl", Male, "is-IS"),
    ("kazuha", Female, "ja-JP"),
    ("kendra", Female, "en-US"),
    ("kevin", Male, "en-US"),
    ("kimberly", Female, "en-US"),
    ("laura", Female, "nl-NL"),
    ("lea", Female, "fr-FR"),
    ("liam", Male, "fr-CA"),
    ("lisa", Female, "nl-BE"),
    ("liv", Female, "nb-NO"),
    ("lotte", Female, "nl-NL"),
    ("lucia", Female, "es-ES"),
    ("lupe", Female, "es-US"),
    ("mads", Male, "da-DK"),
    ("maja", Female, "pl-PL"),
    ("marlene", Female, "de-DE"),
    ("mathieu", Male, "fr-FR"),
    ("matthew", Male, "en-US"),
    ("maxim", Male, "ru-RU"),
    ("mia", Female, "es-MX"),
    ("miguel", Male, "es-US"),
    ("mizuki", Female, "ja-JP"),
    ("naja", Female, "da-DK"),
    ("niamh", Female, "en-IE"),
    ("nicole", Female, "en-AU"),
    ("ola", Female, "pl-PL"),
    ("olivia", Female, "en-AU"),
    ("pedro", Male, "es-US"),
    ("penelope", Female, "es-US"),
    ("raveena", Female, "en-IN"),
    ("remi", Male, "fr-FR"),
    ("ricardo", Male, "pt-BR"),
    ("ruben", Male, "nl-NL"),
    ("russell", Male, "en-AU"),
    ("ruth", Female, "en-US"),
    ("sabrina", Female, "de-CH"),
    ("salli", Female, "en-US"),
    ("seoyeon", Female, "ko-KR"),
    ("sergio", Male, "es-ES"),
    ("sofie", Female, "da-DK"),
    ("stephen", Male, "en-US"),
    ("suvi", Female, "fi-FI"),
    ("takumi", Male, "ja-JP"),
    ("tatyana", Female, "ru-RU"),
    ("thiago", Male, "pt-BR"),
    ("tomoko", Female, "ja-JP"),
    ("vicki", Female, "de-DE"),
    ("vitoria", Female, "pt-BR"),
    ("zayd", Male, "ar-AE"),
    ("zeina", Female, "arb"),
    ("zhiyu", Female, "cmn-CN"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn engine() -> HashSet<String> {
        let list = "af ar ca cmn cs cy da de en-gb en-us es es-419 fi fr-be fr-ch fr-fr he hi is it ja ko nb nl pl pt \
                    pt-br ro ru sv tr vi yue";
        list.split_whitespace().map(str::to_owned).collect()
    }

    fn name(voice: &str, language: &str) -> String {
        let given = |text: &'static str| (!text.is_empty()).then_some(text);
        let (voice, language): (&'static str, &'static str) =
            (voice.to_owned().leak(), language.to_owned().leak());
        let chosen = choose(given(voice), given(language), &engine());
        assert_eq!(chosen.warning, None, "{voice} {language}");
        chosen.name
    }

    #[test]
    fn every_documented_kind_of_voice_is_mapped() {
        for (voice, language, expected) in [
            ("", "", "en-us"),
            ("man", "", "en-us"),
            ("woman", "", "en-us+f3"),
            ("alice", "en-GB", "en-gb+f3"),
            ("alice", "de-DE", "de+f3"),
            ("Polly.Joanna", "", "en-us+f3"),
            ("Polly.Joanna-Neural", "", "en-us+f3"),
            ("Polly.Amy-Generative", "en-GB", "en-gb+f3"),
            ("Polly.Matthew", "", "en-us"),
            ("Polly.Léa", "", "fr-fr+f3"),
            ("Polly.Lupe", "es-US", "es-419+f3"),
            ("Polly.Lucia", "", "es+f3"),
            ("Polly.Zhiyu", "zh-CN", "cmn+f3"),
            ("Polly.Zeina", "ar-AE", "ar+f3"),
            ("Google.en-US-Standard-A", "", "en-us+f3"),
            ("Google.en-GB-Wavenet-B", "", "en-gb"),
            ("Google.en-US-Chirp3-HD-Charon", "", "en-us"),
            ("Google.cmn-CN-Standard-A", "", "cmn+f3"),
            ("Google.yue-HK-Standard-B", "", "yue"),
            ("man", "pt-PT", "pt"),
            ("man", "pt-BR", "pt-br"),
            ("man", "fr-CA", "fr-fr"),
            ("man", "zh-HK", "yue"),
            ("man", "no-NO", "nb"),
            ("man", "en_AU", "en-gb"),
        ] {
            assert_eq!(name(voice, language), expected, "{voice} {language}");
        }
    }

    #[test]
    fn every_polly_voice_has_a_language() {
        for (voice, _, _) in POLLY {
            name(&format!("Polly.{voice}"), "");
        }
    }

    #[test]
    fn the_unknown_is_spoken_with_a_warning() {
        for (voice, language, expected) in [
            (Some("Polly.Nobody"), None, "en-us"),
            (Some("Google.x"), None, "en-us"),
            (Some("robot"), Some("de-DE"), "de"),
            (None, Some("tlh-KX"), "en-us"),
            (None, Some("-v evil"), "en-us"),
            (Some("Polly.Joanna"), Some("de-DE"), "en-us+f3"),
        ] {
            let chosen = choose(voice, language, &engine());
            assert_eq!(chosen.name, expected);
            assert!(chosen.warning.is_some(), "{voice:?} {language:?}");
        }
    }

    #[test]
    fn an_engine_with_little_choice_is_still_used() {
        let english = HashSet::from(["en".to_owned()]);
        assert_eq!(choose(None, None, &english).name, "en");
        assert!(choose(None, Some("ja-JP"), &english).warning.is_some());
    }
}
