using System.Collections;

namespace LoraSharp.Data;

/// <summary>Rows that are made when they are asked for.</summary>
internal abstract class RowsOnDemand : IReadOnlyList<DataRow>
{
    public abstract int Count { get; }

    public abstract DataRow this[int index] { get; }

    public IEnumerator<DataRow> GetEnumerator()
    {
        for (int i = 0; i < Count; i++)
        {
            yield return this[i];
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>Some rows of others, in an order of their own.</summary>
internal sealed class SelectedRows(IReadOnlyList<DataRow> rows, int[] indices) : RowsOnDemand
{
    public override int Count => indices.Length;

    public override DataRow this[int index] => rows[indices[index]];
}

/// <summary>What a function makes of rows, each time one is asked for.</summary>
internal sealed class MappedRows(IReadOnlyList<DataRow> rows, Func<DataRow, DataRow> convert) : RowsOnDemand
{
    public override int Count => rows.Count;

    public override DataRow this[int index] => convert(rows[index]);
}

/// <summary>Rows one after the other.</summary>
internal sealed class ConcatenatedRows : RowsOnDemand
{
    private readonly IReadOnlyList<DataRow>[] _parts;
    private readonly int[] _ends;

    public ConcatenatedRows(IReadOnlyList<IReadOnlyList<DataRow>> parts)
    {
        _parts = [.. parts.Where(part => part.Count > 0)];
        _ends = new int[_parts.Length];
        for (int i = 0; i < _ends.Length; i++)
        {
            Count = _ends[i] = checked(Count + _parts[i].Count);
        }
    }

    public override int Count { get; }

    public override DataRow this[int index]
    {
        get
        {
            int found = Array.BinarySearch(_ends, index + 1);
            int part = found >= 0 ? found : ~found;
            return _parts[part][index - (part == 0 ? 0 : _ends[part - 1])];
        }
    }
}
