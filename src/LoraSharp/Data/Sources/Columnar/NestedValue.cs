using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace LoraSharp.Data;

/// <summary>Makes the <see cref="JsonElement"/> of a nested value from a column file, so that rows look the same whatever file they came from.</summary>
internal sealed class NestedValue : IDisposable
{
    private readonly ArrayBufferWriter<byte> _buffer = new();
    private readonly Utf8JsonWriter _writer;

    public NestedValue() => _writer = new Utf8JsonWriter(_buffer, new JsonWriterOptions
    {
        // Texts stay readable where a row is shown.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        MaxDepth = MaxDepth,
    });

    /// <summary>The deepest nesting of a value, that of JSON documents.</summary>
    public static int MaxDepth => 64;

    /// <summary>The value that a callback writes.</summary>
    public JsonElement Make(Action<Utf8JsonWriter> write)
    {
        _buffer.ResetWrittenCount();
        _writer.Reset();
        write(_writer);
        _writer.Flush();
        var reader = new Utf8JsonReader(_buffer.WrittenSpan);
        return JsonElement.ParseValue(ref reader);
    }

    public void Dispose() => _writer.Dispose();

    /// <summary>Writes a value as <see cref="Scalar"/> gives it.</summary>
    public static void Write(Utf8JsonWriter writer, object? scalar)
    {
        switch (scalar)
        {
            case null:
                writer.WriteNullValue();
                break;
            case string text:
                writer.WriteStringValue(text);
                break;
            case bool flag:
                writer.WriteBooleanValue(flag);
                break;
            case long number:
                writer.WriteNumberValue(number);
                break;
            case decimal number:
                writer.WriteNumberValue(number);
                break;
            case double number when double.IsFinite(number):
                writer.WriteNumberValue(number);
                break;
            case double number:
                writer.WriteStringValue(number.ToString(System.Globalization.CultureInfo.InvariantCulture));
                break;
            case byte[] bytes:
                writer.WriteBase64StringValue(bytes);
                break;
            default:
                throw new NotSupportedException($"a value of type {scalar.GetType().Name}");
        }
    }
}
