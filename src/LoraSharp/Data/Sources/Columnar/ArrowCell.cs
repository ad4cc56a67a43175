using System.Text;
using System.Text.Json;
using Apache.Arrow;
using Apache.Arrow.Arrays;
using Apache.Arrow.Types;

namespace LoraSharp.Data;

/// <summary>The values of one array of a record batch.</summary>
internal abstract class ArrowCell(IArrowArray array)
{
    /// <summary>Whether a value is one plain value, not a list or an object.</summary>
    public virtual bool IsScalar => true;

    public virtual bool IsNull(int index) => array.IsNull(index);

    /// <summary>A plain value that is not null.</summary>
    public abstract object? Value(int index);

    public virtual void Write(Utf8JsonWriter writer, int index) => NestedValue.Write(writer, IsNull(index) ? null : Value(index));

    /// <summary>The values of an array.</summary>
    /// <exception cref="NotSupportedException">A row cannot hold values of its type.</exception>
    public static ArrowCell Create(IArrowArray array, int depth = 0)
    {
        if (depth >= NestedValue.MaxDepth)
        {
            throw new NotSupportedException($"a column is nested more than {NestedValue.MaxDepth} levels deep");
        }

        return array switch
        {
            NullArray => new Plain(array, _ => null),
            BooleanArray values => new Plain(array, i => values.GetValue(i)),
            Int8Array values => new Plain(array, i => (long)values.Values[i]),
            Int16Array values => new Plain(array, i => (long)values.Values[i]),
            Int32Array values => new Plain(array, i => (long)values.Values[i]),
            Int64Array values => new Plain(array, i => values.Values[i]),
            UInt8Array values => new Plain(array, i => (long)values.Values[i]),
            UInt16Array values => new Plain(array, i => (long)values.Values[i]),
            UInt32Array values => new Plain(array, i => (long)values.Values[i]),
            UInt64Array values => new Plain(array, i => Scalar.Of(values.Values[i])),
            HalfFloatArray values => new Plain(array, i => (double)values.Values[i]),
            FloatArray values => new Plain(array, i => (double)values.Values[i]),
            DoubleArray values => new Plain(array, i => values.Values[i]),
            StringArray values => new Plain(array, i => Text(values.GetBytes(i))),
            LargeStringArray values => new Plain(array, i => Text(values.GetBytes(i))),
            StringViewArray values => new Plain(array, i => Text(values.GetBytes(i))),
            BinaryViewArray values => new Plain(array, i => values.GetBytes(i).ToArray()),
            BinaryArray values => new Plain(array, i => values.GetBytes(i).ToArray()),
            LargeBinaryArray values => new Plain(array, i => values.GetBytes(i).ToArray()),
            Decimal128Array values => new Plain(array, i => values.GetValue(i)),
            Decimal256Array values => new Plain(array, i => values.GetString(i)),
            FixedSizeBinaryArray values => new Plain(array, i => values.GetBytes(i).ToArray()),
            TimestampArray values => new Plain(array, i => Timestamp(values, i)),
            Date32Array values => new Plain(array, i => Scalar.Of(values.GetDateOnly(i)!.Value)),
            Date64Array values => new Plain(array, i => Scalar.Of(values.GetDateOnly(i)!.Value)),
            Time32Array values => new Plain(array, i => Scalar.Of(values.GetTime(i)!.Value.ToTimeSpan())),
            Time64Array values => new Plain(array, i => Scalar.Of(values.GetTime(i)!.Value.ToTimeSpan())),
            DurationArray values => new Plain(array, i => Scalar.Of(values.GetTimeSpan(i)!.Value)),
            DictionaryArray values => new Coded(values, Create(values.Dictionary, depth + 1)),
            MapArray values => new Map(values, Create(values.Keys, depth + 1), Create(values.Values, depth + 1)),
            ListArray values => new List(array, Create(values.Values, depth + 1), i => (values.ValueOffsets[i], values.ValueOffsets[i + 1])),
            LargeListArray values => new List(array, Create(values.Values, depth + 1), i => (values.ValueOffsets[i], values.ValueOffsets[i + 1])),
            ListViewArray values => new List(array, Create(values.Values, depth + 1), i => (values.ValueOffsets[i], (long)values.ValueOffsets[i] + values.Sizes[i])),
            LargeListViewArray values => new List(array, Create(values.Values, depth + 1), i => (values.ValueOffsets[i], checked(values.ValueOffsets[i] + values.Sizes[i]))),
            FixedSizeListArray values => new List(array, Create(values.Values, depth + 1), i => FixedRange(values, i)),
            StructArray values => new Group(values, [.. Fields((StructType)values.Data.DataType).Zip(values.Fields, (name, field) => (name, Create(field, depth + 1)))]),
            ExtensionArray values => Create(values.Storage, depth + 1),
            _ => throw new NotSupportedException($"a column of the type {array.Data.DataType.Name}"),
        };
    }

    // The library's own GetString does not look where a damaged offset points.
    private static string Text(ReadOnlySpan<byte> bytes) => Encoding.UTF8.GetString(bytes);

    private static IEnumerable<string> Fields(StructType type) => type.Fields.Select(field => field.Name);

    private static (long Start, long End) FixedRange(FixedSizeListArray array, int index)
    {
        long size = ((FixedSizeListType)array.Data.DataType).ListSize, start = (array.Offset + index) * size;
        return (start, start + size);
    }

    private static object Timestamp(TimestampArray array, int index)
    {
        DateTimeOffset time = array.GetTimestamp(index)!.Value;
        return ((TimestampType)array.Data.DataType).IsTimeZoneAware ? Scalar.Of(time.UtcDateTime) : Scalar.Of(time.DateTime);
    }

    private sealed class Plain(IArrowArray array, Func<int, object?> value) : ArrowCell(array)
    {
        public override object? Value(int index) => value(index);
    }

    /// <summary>Values that are numbers of entries in a table.</summary>
    private sealed class Coded(DictionaryArray array, ArrowCell table) : ArrowCell(array)
    {
        private readonly ArrowCell _codes = Create(array.Indices);

        public override bool IsScalar => table.IsScalar;

        public override bool IsNull(int index) => _codes.IsNull(index) || table.IsNull(Entry(index));

        public override object? Value(int index) => table.Value(Entry(index));

        public override void Write(Utf8JsonWriter writer, int index)
        {
            if (IsNull(index))
            {
                writer.WriteNullValue();
            }
            else
            {
                table.Write(writer, Entry(index));
            }
        }

        private int Entry(int index) => _codes.Value(index) is long entry && entry >= 0 && entry < array.Dictionary.Length
            ? (int)entry
            : throw new InvalidDataException($"a value refers to an entry of a dictionary that has {array.Dictionary.Length}");
    }

    private abstract class Nested(IArrowArray array) : ArrowCell(array)
    {
        public override bool IsScalar => false;

        public override object? Value(int index) => throw new NotSupportedException();

        public override void Write(Utf8JsonWriter writer, int index)
        {
            if (IsNull(index))
            {
                writer.WriteNullValue();
            }
            else
            {
                WriteValue(writer, index);
            }
        }

        protected abstract void WriteValue(Utf8JsonWriter writer, int index);
    }

    private sealed class List(IArrowArray array, ArrowCell items, Func<int, (long Start, long End)> range) : Nested(array)
    {
        protected override void WriteValue(Utf8JsonWriter writer, int index)
        {
            (long start, long end) = range(index);
            items.Require(start, end);
            writer.WriteStartArray();
            for (long i = start; i < end; i++)
            {
                items.Write(writer, (int)i);
            }

            writer.WriteEndArray();
        }
    }

    private sealed class Group(StructArray array, (string Name, ArrowCell Cell)[] fields) : Nested(array)
    {
        protected override void WriteValue(Utf8JsonWriter writer, int index)
        {
            writer.WriteStartObject();
            foreach ((string name, ArrowCell cell) in fields)
            {
                writer.WritePropertyName(name);
                cell.Require(index, index + 1L);
                cell.Write(writer, index);
            }

            writer.WriteEndObject();
        }
    }

    /// <summary>A map becomes an object; its keys become texts.</summary>
    private sealed class Map(MapArray array, ArrowCell keys, ArrowCell values) : Nested(array)
    {
        protected override void WriteValue(Utf8JsonWriter writer, int index)
        {
            (int start, int end) = (array.ValueOffsets[index], array.ValueOffsets[index + 1]);
            keys.Require(start, end);
            values.Require(start, end);
            writer.WriteStartObject();
            for (int i = start; i < end; i++)
            {
                writer.WritePropertyName(string.Format(System.Globalization.CultureInfo.InvariantCulture, "{0}", keys.Value(i)));
                values.Write(writer, i);
            }

            writer.WriteEndObject();
        }
    }

    private void Require(long start, long end)
    {
        if (start < 0 || end < start || end > array.Length)
        {
            throw new InvalidDataException($"a list refers to the values {start} to {end} of {array.Length}");
        }
    }
}
