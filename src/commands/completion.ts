/** Scripts by which shells complete commands and options. They are made from the commands themselves, and ask nobody. */
import type { Command } from 'commander';
import { oneOf } from './arguments.ts';
import { examples } from './examples.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** @param whole the program with all that its commands have */
export const addCompletion = (whole: () => Promise<Command>) => (program: Command) =>
  void program
    .command('completion')
    .argument('<shell>', SHELLS.join(', '), oneOf(SHELLS))
    .addHelpText(
      'after',
      examples(
        ['In this bash, until it ends', 'eval "$(despachante completion bash)"'],
        ['In each zsh', 'despachante completion zsh >> ~/.zshrc'],
        [
          'In each fish',
          'despachante completion fish > ~/.config/fish/completions/despachante.fish',
        ],
      ),
    )
    .action(async (shell: Shell) => {
      process.stdout.write(SCRIPTS[shell](placesIn(await whole())));
    });

interface Place {
  /** The commands before it, such as `failures list`; empty at the beginning. */
  path: string;
  /** Commands and options that may follow. */
  words: string[];
}

function placesIn(command: Command, path = '', globals: readonly string[] = []): Place[] {
  const own = command.options.flatMap(({ long, hidden }) =>
    long === null || long === undefined || hidden ? [] : [long],
  );
  const options = [...own, ...globals, ...(path === '' ? [] : ['--help'])];
  return [
    { path, words: [...command.commands.map((each) => each.name()), ...options] },
    ...command.commands.flatMap((each) => {
      const below = path === '' ? each.name() : `${path} ${each.name()}`;
      return placesIn(each, below, path === '' ? own : globals);
    }),
  ];
}

const quoted = (text: string): string => `'${text}'`;
const known = (places: readonly Place[], separator: string): string =>
  places.flatMap(({ path }) => (path === '' ? [] : [quoted(path)])).join(separator);

/** The words that are typed lead from one place to the next; arguments and values of options leave it where it is. */
const bash = (places: readonly Place[]): string => `_despachante() {
  local path= word words=
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    word="\${path:+$path }$word"
    case "$word" in ${known(places, '|')}) path=$word ;; esac
  done
  case "$path" in
${places.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`).join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _despachante despachante ./despachante
`;

const zsh = (places: readonly Place[]): string => `_despachante() {
  local place= word
  local -a candidates
  for word in "\${(@)words[2,CURRENT-1]}"; do
    word="\${place:+$place }$word"
    case "$word" in (${known(places, '|')}) place=$word ;; esac
  done
  case "$place" in
${places.map(({ path, words }) => `    ('${path}') candidates=(${words.join(' ')}) ;;`).join('\n')}
  esac
  compadd -a candidates
  _files
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
compdef _despachante despachante ./despachante
`;

const fish = (places: readonly Place[]): string => `function __despachante_at
  set -l place
  for word in (commandline -opc)[2..-1]
    set -l next (string join ' ' $place $word)
    contains -- "$next" ${known(places, ' ')}; and set place $next
  end
  test "$place" = "$argv[1]"
end
${places.map(({ path, words }) => `complete -c despachante -n "__despachante_at '${path}'" -a '${words.join(' ')}'`).join('\n')}
`;

const SCRIPTS: Readonly<Record<Shell, (places: readonly Place[]) => string>> = { bash, zsh, fish };
