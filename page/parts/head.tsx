interface HeadProps {
  /** Each with the class of its cells: how wide they are, and where they stand. */
  columns: readonly (readonly [label: string, kind?: string])[];
  /** Of the column of buttons, for those who do not see it. */
  acts?: string | undefined;
}

/** The first row of a table. */
export const Head = ({ columns, acts }: HeadProps) => (
  <thead>
    <tr>
      {columns.map(([label, kind]) => (
        <th key={label} scope="col" class={kind}>
          {label}
        </th>
      ))}
      {acts !== undefined && (
        <th scope="col" class="act">
          <span class="unseen">{acts}</span>
        </th>
      )}
    </tr>
  </thead>
);
