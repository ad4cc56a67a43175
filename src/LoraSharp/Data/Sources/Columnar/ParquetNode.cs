using System.Text.Json;
using Parquet.Schema;

namespace LoraSharp.Data;

/// <summary>
/// A field of a Parquet schema that puts the entries of its columns together again: which level of an entry is defined says what is null or empty, and where it repeats says
/// which list goes on (the record assembly of the Dremel paper).
/// </summary>
internal abstract class ParquetNode
{
    /// <summary>The columns below this field, in the file's order.</summary>
    public abstract IReadOnlyList<ParquetColumn> Columns { get; }

    /// <summary>Whether the field is one plain value a row.</summary>
    public virtual bool IsScalar => false;

    protected ParquetColumn First => Columns[0];

    /// <summary>Writes the next value and moves on.</summary>
    public abstract void Write(Utf8JsonWriter writer);

    /// <summary>The field's form.</summary>
    /// <exception cref="NotSupportedException">The field is of a type that a row cannot hold, or nested too deep.</exception>
    public static ParquetNode Create(Field field, int depth = 0)
    {
        if (depth >= NestedValue.MaxDepth)
        {
            throw new NotSupportedException($"the column '{field.Path}' is nested more than {NestedValue.MaxDepth} levels deep");
        }

        return field switch
        {
            DataField { IsArray: true } data => new List(new Leaf(ParquetColumn.Create(data)), data.MaxDefinitionLevel, data.MaxRepetitionLevel),

            // The old two-level form: the repeated value itself stands below the list.
            ListField { Item: DataField { IsArray: true } data } => new List(new Leaf(ParquetColumn.Create(data)), data.MaxDefinitionLevel, data.MaxRepetitionLevel),
            DataField data => new Leaf(ParquetColumn.Create(data)),
            ListField list => new List(Create(list.Item, depth + 1), list.MaxDefinitionLevel, list.MaxRepetitionLevel),
            MapField map => new Map(Create(map.Key, depth + 1), Create(map.Value, depth + 1), map.MaxDefinitionLevel, map.MaxRepetitionLevel),
            StructField { Fields.Count: > 0 } group => new Group([.. group.Fields.Select(child => (child.Name, Create(child, depth + 1)))], group.MaxDefinitionLevel),
            _ => throw new NotSupportedException($"the column '{field.Path}' has the form {field.SchemaType}"),
        };
    }

    /// <summary>The value of a plain field.</summary>
    public virtual object? Value() => throw new NotSupportedException();

    protected void Skip()
    {
        foreach (ParquetColumn column in Columns)
        {
            column.Skip();
        }
    }

    private sealed class Leaf(ParquetColumn column) : ParquetNode
    {
        public override IReadOnlyList<ParquetColumn> Columns { get; } = [column];

        public override bool IsScalar => true;

        public override object? Value() => column.Next();

        public override void Write(Utf8JsonWriter writer) => NestedValue.Write(writer, column.Next());
    }

    private sealed class Group((string Name, ParquetNode Node)[] fields, int present) : ParquetNode
    {
        public override IReadOnlyList<ParquetColumn> Columns { get; } = [.. fields.SelectMany(field => field.Node.Columns)];

        public override void Write(Utf8JsonWriter writer)
        {
            if (First.Definition < present)
            {
                Skip();
                writer.WriteNullValue();
                return;
            }

            writer.WriteStartObject();
            foreach ((string name, ParquetNode node) in fields)
            {
                writer.WritePropertyName(name);
                node.Write(writer);
            }

            writer.WriteEndObject();
        }
    }

    private sealed class List(ParquetNode item, int holdsItem, int repetition) : ParquetNode
    {
        public override IReadOnlyList<ParquetColumn> Columns => item.Columns;

        public override void Write(Utf8JsonWriter writer)
        {
            int definition = First.Definition;
            if (definition < holdsItem)
            {
                Skip();
                WriteNullOrEmpty(writer, definition, holdsItem);
                return;
            }

            writer.WriteStartArray();
            do
            {
                item.Write(writer);
            }
            while (First.Repetition >= repetition);
            writer.WriteEndArray();
        }

        private static void WriteNullOrEmpty(Utf8JsonWriter writer, int definition, int holdsItem)
        {
            if (definition == holdsItem - 1)
            {
                writer.WriteStartArray();
                writer.WriteEndArray();
            }
            else
            {
                writer.WriteNullValue();
            }
        }
    }

    /// <summary>A map becomes an object; its keys become texts.</summary>
    private sealed class Map(ParquetNode key, ParquetNode value, int holdsItem, int repetition) : ParquetNode
    {
        public override IReadOnlyList<ParquetColumn> Columns { get; } = [.. key.Columns, .. value.Columns];

        public override void Write(Utf8JsonWriter writer)
        {
            int definition = First.Definition;
            if (definition < holdsItem - 1)
            {
                Skip();
                writer.WriteNullValue();
                return;
            }

            writer.WriteStartObject();
            if (definition < holdsItem)
            {
                Skip();
            }
            else
            {
                do
                {
                    writer.WritePropertyName(string.Format(System.Globalization.CultureInfo.InvariantCulture, "{0}", key.Value()));
                    value.Write(writer);
                }
                while (First.Repetition >= repetition);
            }

            writer.WriteEndObject();
        }
    }
}
