/** The words of dialogs, in Brazilian Portuguese. */
import type { Words } from './en.ts';
import { countOf } from './plural.ts';

const n = (count: number, one: string, other: string): string =>
  countOf('pt-BR', count, one, other);

export const ptBRDialogs: Words['dialogs'] = {
  reason: 'Motivo',
  reasonHint: 'Fica na lista de ações',
  failed: 'Não foi feito.',
  unsure: 'Pode ter sido feito: olhe as ações antes de tentar de novo.',
  unreachable: 'O servidor da página não responde.',
  redrive: {
    title: 'Redrive de falhas',
    counting: 'Contando…',
    count: (count) => `${n(count, 'falha será mandada', 'falhas serão mandadas')} de volta.`,
    byClass: (parts) => `Entre elas: ${parts}.`,
    nothing: 'Não há mais nada a mandar de volta.',
    canary: 'Tentar primeiro',
    canaryHint: 'As outras só seguem se todas estas terminarem bem. 0: nenhuma antes',
    rate: 'No máximo por segundo',
    rateHint: 'Vazio: tão rápido quanto der',
    go: 'Redrive',
  },
  drop: {
    title: 'Descartar falhas',
    count: (count) => n(count, 'falha some para sempre.', 'falhas somem para sempre.'),
    type: (count) => `Digite ${count} para confirmar`,
    go: 'Descartar',
  },
  decide: {
    title: 'Decidir uma dúvida',
    titleMany: (count) => `Abandonar ${n(count, 'dúvida', 'dúvidas')}`,
    question: 'Olhe no legado: ele tem este cadastro?',
    confirm: 'Ele tem',
    confirmHint: 'Segue com o request id que o legado lhe deu.',
    requestId: 'Request id',
    resubmit: 'Ele não tem',
    resubmitHint: 'O POST é feito mais uma vez.',
    abandon: 'Desistir dele',
    abandonHint: 'Vira uma falha da classe in-doubt.',
    go: { confirm: 'Confirmar', resubmit: 'Reenviar', abandon: 'Abandonar' },
  },
  pause: {
    title: (flow) => `Pausar ${flow}`,
    hint: 'Nada mais é retirado. O que está em andamento vai até o fim.',
    go: 'Pausar',
  },
  resume: { title: (flow) => `Retomar ${flow}`, go: 'Retomar' },
  limits: {
    title: 'Mudar limites',
    hint: 'Para todos os workers, já, até que alguém mude de volta.',
    empty: 'Vazio: sem limite',
    unset: 'como configurado',
    go: 'Mudar',
  },
  audit: {
    title: 'Auditar agora',
    cost: 'Lê todos os registros e a fila de falhas uma vez: de segundos a minutos. Uma por vez.',
    go: 'Auditar',
  },
  stop: {
    title: 'Parar o redrive',
    hint: 'O que foi enviado segue. As outras ficam onde estão.',
    go: 'Parar',
  },
  reveal: {
    title: 'Revelar uma mensagem',
    hint: 'O seu nome e o motivo são anotados. Ela aparece por 60 segundos.',
    go: 'Revelar',
    bytes: (bytes, type) => `${bytes} bytes, ${type}`,
    binary: 'Não é texto.',
    cut: 'Só o começo é mostrado.',
    gone: (seconds) => `some em ${seconds} s`,
  },
  help: {
    title: 'Teclas e ajuda',
    keys: 'Teclas simples fazem algo',
    list: [
      ['/', 'buscar'],
      ['g f', 'falhas'],
      ['g d', 'dúvidas'],
      ['g w', 'processos'],
      ['g a', 'ações'],
      ['j k', 'linha seguinte e anterior'],
      ['Enter', 'abrir a linha'],
      ['Esc', 'fechar'],
      ['?', 'esta lista'],
    ],
  },
};
