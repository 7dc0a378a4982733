//! Which settings move which client: by the name of a library, or of a program.
//!
//! Each row was read in the client's own source or documentation. What reads no setting at all (mistralai, llm) needs a
//! change of its code, and no row.

use crate::outcome::CliError;
use crate::proxy::Upstream;

use super::environment::{Environment, Settings};

/// A variable, and what it means where it is not set.
#[derive(Debug, Clone, Copy)]
struct Variable {
    name: &'static str,
    /// `None`: moved only where it is set, since what it stands for depends on more.
    default: Option<&'static str>,
}

const fn variable(name: &'static str, default: &'static str) -> Variable {
    Variable { name, default: Some(default) }
}

const fn if_set(name: &'static str) -> Variable {
    Variable { name, default: None }
}

/// A client, and what moves it.
#[derive(Debug)]
pub(crate) struct Recipe {
    /// By which `--for` finds it.
    name: &'static str,
    /// Names of programs that are known to be this client.
    programs: &'static [&'static str],
    variables: &'static [Variable],
    /// An argument for the program before its own, with the upstream's address instead of `{}`.
    argument: Option<(&'static str, &'static str)>,
}

const OPENAI: &str = "https://api.openai.com/v1";
const ANTHROPIC: &str = "https://api.anthropic.com";
const GEMINI: &str = "https://generativelanguage.googleapis.com";
const OLLAMA: &str = "http://127.0.0.1:11434";
const COHERE: &str = "https://api.cohere.com";
const GROQ: &str = "https://api.groq.com";
const TOGETHER: &str = "https://api.together.xyz/v1";
const DEEPSEEK: &str = "https://api.deepseek.com/v1";

const RECIPES: [Recipe; 15] = [
    Recipe {
        name: "openai",
        programs: &[],
        variables: &[
            variable("OPENAI_BASE_URL", OPENAI),
            if_set("AZURE_OPENAI_ENDPOINT"),
            // Not the SDK's own, but what agents name their other endpoints by.
            if_set("DEEPSEEK_BASE_URL"),
        ],
        argument: None,
    },
    Recipe {
        name: "anthropic",
        programs: &[],
        variables: &[
            variable("ANTHROPIC_BASE_URL", ANTHROPIC),
            if_set("ANTHROPIC_BEDROCK_BASE_URL"),
            if_set("ANTHROPIC_VERTEX_BASE_URL"),
        ],
        argument: None,
    },
    Recipe {
        name: "google-genai",
        programs: &[],
        variables: &[variable("GOOGLE_GEMINI_BASE_URL", GEMINI), if_set("GOOGLE_VERTEX_BASE_URL")],
        argument: None,
    },
    Recipe {
        name: "bedrock",
        programs: &[],
        // Where it is not set, the region says what it stands for.
        variables: &[if_set("AWS_ENDPOINT_URL_BEDROCK_RUNTIME")],
        argument: None,
    },
    Recipe {
        name: "ollama",
        programs: &[],
        variables: &[variable("OLLAMA_HOST", OLLAMA), if_set("OLLAMA_API_BASE_URL")],
        argument: None,
    },
    Recipe { name: "cohere", programs: &[], variables: &[variable("CO_API_URL", COHERE)], argument: None },
    Recipe { name: "groq", programs: &[], variables: &[variable("GROQ_BASE_URL", GROQ)], argument: None },
    Recipe {
        name: "together",
        programs: &[],
        variables: &[variable("TOGETHER_BASE_URL", TOGETHER)],
        argument: None,
    },
    Recipe {
        name: "litellm",
        programs: &["litellm"],
        variables: &[
            variable("OPENAI_BASE_URL", OPENAI),
            variable("OPENAI_API_BASE", OPENAI),
            variable("ANTHROPIC_API_BASE", ANTHROPIC),
            variable("DEEPSEEK_API_BASE", DEEPSEEK),
            variable("OLLAMA_API_BASE", OLLAMA),
            if_set("GEMINI_API_BASE"),
            if_set("COHERE_API_BASE"),
            if_set("GROQ_API_BASE"),
            if_set("MISTRAL_API_BASE"),
            if_set("AZURE_API_BASE"),
        ],
        argument: None,
    },
    Recipe {
        name: "langchain",
        programs: &[],
        variables: &[
            variable("OPENAI_API_BASE", OPENAI),
            variable("OPENAI_BASE_URL", OPENAI),
            variable("ANTHROPIC_API_URL", ANTHROPIC),
            variable("ANTHROPIC_BASE_URL", ANTHROPIC),
        ],
        argument: None,
    },
    Recipe {
        name: "claude",
        programs: &["claude"],
        variables: &[
            variable("ANTHROPIC_BASE_URL", ANTHROPIC),
            if_set("ANTHROPIC_BEDROCK_BASE_URL"),
            if_set("ANTHROPIC_VERTEX_BASE_URL"),
        ],
        argument: None,
    },
    Recipe {
        name: "codex",
        programs: &["codex"],
        variables: &[],
        argument: Some(("-c openai_base_url={}", OPENAI)),
    },
    Recipe {
        name: "gemini-cli",
        programs: &["gemini"],
        variables: &[variable("GOOGLE_GEMINI_BASE_URL", GEMINI), if_set("GOOGLE_VERTEX_BASE_URL")],
        argument: None,
    },
    Recipe {
        name: "aider",
        programs: &["aider"],
        variables: &[
            variable("AIDER_OPENAI_API_BASE", OPENAI),
            variable("OPENAI_API_BASE", OPENAI),
            variable("ANTHROPIC_API_BASE", ANTHROPIC),
        ],
        argument: None,
    },
    Recipe {
        name: "goose",
        programs: &["goose"],
        variables: &[variable("OPENAI_HOST", "https://api.openai.com")],
        argument: None,
    },
];

/// For programs of which only the language is known: the settings of the SDKs.
const SDKS: [&str; 8] =
    ["openai", "anthropic", "google-genai", "bedrock", "ollama", "cohere", "groq", "together"];

/// Returns the recipes with these names; without names, those of the program, else those of the SDKs.
pub(crate) fn chosen(names: &[String], program: &str) -> Result<Vec<&'static Recipe>, String> {
    if names.is_empty() {
        let of_program: Vec<_> = RECIPES.iter().filter(|recipe| recipe.programs.contains(&program)).collect();
        if !of_program.is_empty() {
            return Ok(of_program);
        }
        return Ok(RECIPES.iter().filter(|recipe| SDKS.contains(&recipe.name)).collect());
    }
    let find = |name: &String| {
        RECIPES.iter().find(|recipe| recipe.name == name.trim()).ok_or_else(|| {
            let known: Vec<_> = RECIPES.iter().map(|recipe| recipe.name).collect();
            format!(
                "--for {name} is not known; these are: {}. --set NAME=UPSTREAM moves any other",
                known.join(", ")
            )
        })
    };
    names.iter().map(find).collect()
}

/// Returns the variables that the recipes move, and the upstream that each names now.
pub(crate) fn settings(recipes: &[&Recipe], environment: &Environment) -> Result<Settings, String> {
    let mut settings = Settings::default();
    for recipe in recipes {
        for variable in recipe.variables {
            let named = environment.get(variable.name).or(variable.default);
            if let Some(text) = named {
                settings.put(variable.name, upstream(variable.name, text)?);
            }
        }
        let has_bearer = environment.get("AWS_BEARER_TOKEN_BEDROCK").is_some();
        let region = environment.get("AWS_REGION").or_else(|| environment.get("AWS_DEFAULT_REGION"));
        if let ("bedrock", true, Some(region)) = (recipe.name, has_bearer, region) {
            let name = "AWS_ENDPOINT_URL_BEDROCK_RUNTIME";
            settings.put(name, upstream(name, &format!("https://bedrock-runtime.{region}.amazonaws.com"))?);
        }
    }
    Ok(settings)
}

/// Returns the arguments that the recipes put before the program's own.
pub(crate) fn arguments(
    recipes: &[&Recipe],
    mut port_of: impl FnMut(&Upstream) -> Result<u16, CliError>,
) -> Result<Vec<String>, CliError> {
    let mut arguments = Vec::new();
    for (pattern, default) in recipes.iter().filter_map(|recipe| recipe.argument) {
        let upstream = upstream(pattern, default).map_err(CliError::Usage)?;
        let address = upstream.through(port_of(&upstream)?);
        arguments.extend(pattern.split(' ').map(|word| word.replace("{}", &address)));
    }
    Ok(arguments)
}

/// Returns the upstream that a variable's value names. `OLLAMA_HOST` may lack the scheme, and the port.
fn upstream(name: &str, text: &str) -> Result<Upstream, String> {
    let text = text.trim();
    let with_scheme = match (name, text.contains("://")) {
        ("OLLAMA_HOST", false) if text.contains(':') => format!("http://{text}"),
        ("OLLAMA_HOST", false) => format!("http://{text}:11434"),
        _ => text.to_owned(),
    };
    // Servers listen on all addresses by that name; clients mean this machine.
    let with_scheme = with_scheme.replacen("://0.0.0.0", "://127.0.0.1", 1);
    with_scheme.parse().map_err(|error| format!("{name}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(names: &[&str], program: &str, environment: &[(&str, &str)]) -> Vec<(String, String)> {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let environment = Environment::of(environment);
        let settings = settings(&chosen(&names, program).unwrap(), &environment).unwrap();
        // Each upstream has a port of its own, from 1.
        let mut upstreams: Vec<Upstream> = Vec::new();
        let changes = settings.changes(&environment, |upstream| {
            let place = upstreams.iter().position(|known| known.has_origin_of(upstream));
            Ok(place.unwrap_or_else(|| {
                upstreams.push(upstream.clone());
                upstreams.len() - 1
            }) as u16
                + 1)
        });
        changes.unwrap().into_iter().map(|change| (change.name, change.value)).collect()
    }

    #[test]
    fn a_variable_keeps_its_value_but_for_the_origin() {
        let deepseek = [("OPENAI_BASE_URL", "https://api.deepseek.com/v1")];
        assert_eq!(
            changes(&["openai"], "python", &deepseek),
            [("OPENAI_BASE_URL".into(), "http://127.0.0.1:1/v1".into())]
        );
        let gateway = [("OPENAI_BASE_URL", "https://gw.example/v1/acct/openai/")];
        assert_eq!(changes(&["openai"], "python", &gateway)[0].1, "http://127.0.0.1:1/v1/acct/openai/");
        assert_eq!(changes(&["openai"], "python", &[("OPENAI_BASE_URL", "")])[0].1, "http://127.0.0.1:1/v1");
    }

    #[test]
    fn a_program_is_known_by_its_name() {
        let names =
            |program| changes(&[], program, &[]).into_iter().map(|(name, _)| name).collect::<Vec<_>>();
        assert_eq!(names("claude"), ["ANTHROPIC_BASE_URL"]);
        // OPENAI_BASE_URL would change the way in which it authenticates.
        assert_eq!(names("gemini"), ["GOOGLE_GEMINI_BASE_URL"]);
        assert!(names("python3").starts_with(&["OPENAI_BASE_URL".into(), "ANTHROPIC_BASE_URL".into()]));
        assert!(chosen(&["nobody".into()], "python").unwrap_err().contains("--set"));
    }

    #[test]
    fn one_api_has_one_port() {
        let both = changes(&["langchain"], "python", &[]);
        let values: Vec<_> = both.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(
            values,
            ["http://127.0.0.1:1/v1", "http://127.0.0.1:1/v1", "http://127.0.0.1:2", "http://127.0.0.1:2"]
        );
    }

    #[test]
    fn loopback_is_added_to_the_hosts_without_a_proxy() {
        let environment = [("HTTPS_PROXY", "http://proxy:3128"), ("no_proxy", "internal.example")];
        let found = changes(&["openai"], "python", &environment);
        for name in ["NO_PROXY", "no_proxy"] {
            assert!(
                found.contains(&(name.into(), "internal.example,127.0.0.1,localhost,::1".into())),
                "{found:?}"
            );
        }
        assert_eq!(changes(&["openai"], "python", &[("no_proxy", "x")]).len(), 1);
    }

    #[test]
    fn ollamas_host_may_lack_scheme_and_port() {
        for (host, expected) in [
            ("127.0.0.1:9999", "http://127.0.0.1:9999"),
            ("gpu.example", "http://gpu.example:11434"),
            ("0.0.0.0", "http://127.0.0.1:11434"),
            ("https://ollama.example/", "https://ollama.example/"),
        ] {
            assert_eq!(upstream("OLLAMA_HOST", host).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn bedrock_needs_a_bearer_key() {
        let region = ("AWS_REGION", "eu-central-1");
        assert_eq!(changes(&["bedrock"], "python", &[region]), []);
        let found = changes(&["bedrock"], "python", &[region, ("AWS_BEARER_TOKEN_BEDROCK", "k")]);
        assert_eq!(found[0].0, "AWS_ENDPOINT_URL_BEDROCK_RUNTIME");
    }

    #[test]
    fn codex_has_no_variable_any_more() {
        let recipes = chosen(&[], "codex").unwrap();
        let arguments = arguments(&recipes, |_| Ok(7)).unwrap();
        assert_eq!(arguments, ["-c", "openai_base_url=http://127.0.0.1:7/v1"]);
    }
}
