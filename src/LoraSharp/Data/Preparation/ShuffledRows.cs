using System.Collections;

namespace LoraSharp.Data;

/// <summary>Prepared rows in another order, without touching them.</summary>
internal sealed class ShuffledRows(IReadOnlyList<TokenizedRow> rows, int[] order) : IReadOnlyList<TokenizedRow>
{
    public int Count => order.Length;

    public TokenizedRow this[int index] => rows[order[index]];

    public IEnumerator<TokenizedRow> GetEnumerator() => order.Select(place => rows[place]).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
