/** Scripts by which shells complete commands, options and names. They are made from the commands themselves; names they ask for. */
import { InvalidArgumentError, type Command } from 'commander';
import { isAsked, namesOf, type Asked } from './completion-names.ts';
import { examples } from './examples.ts';
import { TOPICS } from './help.ts';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** Or the names that a script asks for. */
function readWanted(word: string): Shell | Asked {
  const shell = SHELLS.find((each) => each === word);
  if (shell !== undefined) return shell;
  if (isAsked(word)) return word;
  throw new InvalidArgumentError(`Expected one of ${SHELLS.join(', ')}.`);
}

/** @param whole the program with all that its commands have */
export const addCompletion = (whole: () => Promise<Command>) => (program: Command) =>
  void program
    .command('completion')
    .argument('<shell>', SHELLS.join(', '), readWanted)
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
    .action(async (wanted: Shell | Asked, _: unknown, command: Command) => {
      const text = isAsked(wanted)
        ? (await namesOf(wanted, command)).map((name) => `${name}\n`).join('')
        : SCRIPTS[wanted](placesIn(await whole()));
      process.stdout.write(text);
    });

interface Place {
  /** The commands before it, such as `failures list`; empty at the beginning. */
  path: string;
  /** Commands and options that may follow. */
  words: string[];
  /** Names that may, too. */
  asks: Asked | null;
}

/** Options whose value is the name of a worker, or of a folder, which is one. */
const NAMED = ['--from', '--worker'];

function asksOf(path: string, command: Command): Asked | null {
  const [argument] = command.registeredArguments.map((each) => each.name());
  if (argument === 'worker' || argument === 'workers') return 'workers';
  return path.startsWith('doubts ') && argument === 'id' ? 'doubts' : null;
}

function placesIn(command: Command, path = '', globals: readonly string[] = []): Place[] {
  const own = command.options.flatMap(({ long, hidden }) =>
    long === null || long === undefined || hidden ? [] : [long],
  );
  const options = [...own, ...globals, ...(path === '' ? [] : ['--help'])];
  if (path === 'help') return helpPlaces(command, options);
  const below = command.commands.map((each) => each.name());
  return [
    { path, words: [...below, ...options], asks: asksOf(path, command) },
    ...command.commands.flatMap((each) => {
      const next = path === '' ? each.name() : `${path} ${each.name()}`;
      return placesIn(each, next, path === '' ? own : globals);
    }),
  ];
}

/** Its arguments are commands and topics. */
function helpPlaces({ parent }: Command, options: string[]): Place[] {
  const commands = parent?.commands.map((each) => each.name()) ?? [];
  return [
    { path: 'help', words: [...commands, ...Object.keys(TOPICS), ...options], asks: null },
    { path: 'help settings', words: options, asks: 'settings' },
  ];
}

const quoted = (text: string): string => `'${text}'`;
const known = (places: readonly Place[], separator: string): string =>
  places.flatMap(({ path }) => (path === '' ? [] : [quoted(path)])).join(separator);

/** The words that are typed lead from one place to the next; arguments and values of options leave it where it is. */
const bash = (places: readonly Place[]): string => `_despachante() {
  local path= word words= asks= last="\${COMP_WORDS[COMP_CWORD-1]}"
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    word="\${path:+$path }$word"
    case "$word" in ${known(places, '|')}) path=$word ;; esac
  done
  case "$path" in
${places.map(({ path, words, asks }) => `    '${path}') words='${words.join(' ')}' asks=${asks ?? ''} ;;`).join('\n')}
  esac
  case "$last" in ${NAMED.join('|')}) words= asks=sources ;; esac
  case "$asks:\${COMP_WORDS[COMP_CWORD]}" in :*|*:-*) ;; *)
    words="$words $("\${COMP_WORDS[0]}" completion "$asks" 2> /dev/null)" ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _despachante despachante ./despachante
`;

const zsh = (places: readonly Place[]): string => `_despachante() {
  local place= word asks=
  local -a candidates
  for word in "\${(@)words[2,CURRENT-1]}"; do
    word="\${place:+$place }$word"
    case "$word" in (${known(places, '|')}) place=$word ;; esac
  done
  case "$place" in
${places.map(({ path, words, asks }) => `    ('${path}') candidates=(${words.join(' ')}) asks=${asks ?? ''} ;;`).join('\n')}
  esac
  case "$words[CURRENT-1]" in (${NAMED.join('|')}) candidates=() asks=sources ;; esac
  [[ -z $asks || $words[CURRENT] = -* ]] ||
    candidates+=(\${(f)"$($words[1] completion $asks 2> /dev/null)"})
  compadd -a candidates
  _files
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit; }
compdef _despachante despachante ./despachante
`;

const fish = (places: readonly Place[]): string => `function __despachante_at
  set -l place
  for word in (commandline -opc)[2..-1]
    set -l next (string join -- ' ' $place $word)
    contains -- "$next" ${known(places, ' ')}; and set place $next
  end
  test "$place" = "$argv[1]"
end
${places.map(({ path, words, asks }) => `complete -c despachante -n "__despachante_at '${path}'" -a '${words.join(' ')}${asking(asks)}'`).join('\n')}
complete -c despachante -n 'contains -- (commandline -opc)[-1] ${NAMED.join(' ')}' -a '${asking('sources')}'
`;

const asking = (asks: Asked | null): string =>
  asks === null ? '' : ` (despachante completion ${asks} 2> /dev/null)`;

const SCRIPTS: Readonly<Record<Shell, (places: readonly Place[]) => string>> = { bash, zsh, fish };
