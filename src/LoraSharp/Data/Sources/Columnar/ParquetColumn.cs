using System.Numerics;
using Parquet;
using Parquet.Schema;

namespace LoraSharp.Data;

/// <summary>A walk over the entries of one column of a row group: each entry has its levels and, where it is defined to the full, a value.</summary>
internal abstract class ParquetColumn(DataField dataField)
{
    /// <summary>Entries that a column may claim whatever its size: equal values and nulls take next to no space.</summary>
    private const long UnbackedEntries = 1 << 24;

    /// <summary>Entries that each stored byte may stand for beyond that.</summary>
    private const long EntriesPerByte = 512;

    private int[] _definitions = [];
    private int[] _repetitions = [];
    private int _value;

    public DataField Field { get; } = dataField;

    /// <summary>The entry that is next, and how many there are.</summary>
    public int Position { get; private set; }

    public int Count { get; private set; }

    public int Definition => _definitions.Length > 0 ? _definitions[Position] : 0;

    /// <summary>0 at the start of a row; past the end too, where every list ends.</summary>
    public int Repetition => Position < Count && _repetitions.Length > 0 ? _repetitions[Position] : 0;

    private bool IsDefined => Definition == Field.MaxDefinitionLevel;

    /// <summary>The next entry's value, or null; moves on.</summary>
    public object? Next()
    {
        object? value = IsDefined ? ValueAt(_value) : null;
        Skip();
        return value;
    }

    /// <summary>Moves over an entry that stands for a null or an empty list further up.</summary>
    public void Skip()
    {
        if (Position >= Count)
        {
            throw new InvalidDataException($"the column '{Field.Path}' ends before its row group does");
        }

        _value += IsDefined ? 1 : 0;
        Position++;
    }

    public async Task LoadAsync(ParquetRowGroupReader group, CancellationToken cancellationToken)
    {
        Parquet.Meta.ColumnMetaData chunk = group.GetMetadata(Field)?.MetaData
            ?? throw new InvalidDataException($"a row group lacks the column '{Field.Path}'");
        if (chunk.NumValues < 0 || chunk.NumValues > UnbackedEntries + (Math.Max(0, chunk.TotalUncompressedSize) * EntriesPerByte) || chunk.NumValues > Array.MaxLength)
        {
            throw new InvalidDataException($"the column '{Field.Path}' claims {chunk.NumValues} entries in {chunk.TotalUncompressedSize} bytes");
        }

        Count = (int)chunk.NumValues;
        Position = _value = 0;
        _definitions = Field.MaxDefinitionLevel > 0 ? new int[Count] : [];
        _repetitions = Field.MaxRepetitionLevel > 0 ? new int[Count] : [];
        await ReadAsync(group, Buffer(_definitions, Field.MaxDefinitionLevel), Buffer(_repetitions, Field.MaxRepetitionLevel), cancellationToken);

        // The reader asks for buffers exactly where there are levels. (An array that is null would become an empty buffer.)
        static Memory<int>? Buffer(int[] levels, int highest) => highest > 0 ? levels.AsMemory() : (Memory<int>?)null;
    }

    /// <summary>A column of the type that the file's schema names.</summary>
    /// <exception cref="NotSupportedException">There is no value of that type in a row.</exception>
    public static ParquetColumn Create(DataField field)
    {
        Type type = field.ClrType;
        return type == typeof(bool) ? new Typed<bool>(field, value => value)
            : type == typeof(sbyte) ? new Typed<sbyte>(field, value => (long)value)
            : type == typeof(byte) ? new Typed<byte>(field, value => (long)value)
            : type == typeof(short) ? new Typed<short>(field, value => (long)value)
            : type == typeof(ushort) ? new Typed<ushort>(field, value => (long)value)
            : type == typeof(int) ? new Typed<int>(field, value => (long)value)
            : type == typeof(uint) ? new Typed<uint>(field, value => (long)value)
            : type == typeof(long) ? new Typed<long>(field, value => value)
            : type == typeof(ulong) ? new Typed<ulong>(field, Scalar.Of)
            : type == typeof(float) ? new Typed<float>(field, value => (double)value)
            : type == typeof(double) ? new Typed<double>(field, value => value)
            : type == typeof(decimal) ? new Typed<decimal>(field, value => value)
            : type == typeof(BigInteger) ? new Typed<BigInteger>(field, Scalar.Of)
            : type == typeof(DateTime) ? new Typed<DateTime>(field, Scalar.Of)
            : type == typeof(DateOnly) ? new Typed<DateOnly>(field, Scalar.Of)
            : type == typeof(Guid) ? new Typed<Guid>(field, value => value.ToString())
            : type == typeof(ReadOnlyMemory<char>) ? new Typed<ReadOnlyMemory<char>>(field, value => value.ToString())
            : type == typeof(ReadOnlyMemory<byte>) ? new Typed<ReadOnlyMemory<byte>>(field, value => value.ToArray())
            : throw new NotSupportedException($"the column '{field.Path}' is of type {type.Name}");
    }

    protected abstract object ValueAt(int index);

    protected abstract Task ReadAsync(ParquetRowGroupReader group, Memory<int>? definitions, Memory<int>? repetitions, CancellationToken cancellationToken);

    private sealed class Typed<T>(DataField field, Func<T, object> convert) : ParquetColumn(field)
        where T : struct
    {
        private T[] _values = [];

        protected override object ValueAt(int index) => convert(_values[index]);

        protected override async Task ReadAsync(ParquetRowGroupReader group, Memory<int>? definitions, Memory<int>? repetitions, CancellationToken cancellationToken)
        {
            _values = new T[Count];
            await group.ReadRawAsync<T>(Field, _values, definitions, repetitions, cancellationToken);
        }
    }
}
