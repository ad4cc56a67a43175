using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace LoraSharp.Data;

/// <summary>Writes rows as JSON lines, such that reading gives the same values: a number with a fraction stays one even where the fraction is 0.</summary>
internal sealed class RowWriter : IDisposable
{
    /// <summary>C# objects as chat templates expect them: Role and ToolCalls become role and tool_calls.</summary>
    public static readonly JsonSerializerOptions ObjectNames = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    private readonly Stream _stream;
    private readonly Utf8JsonWriter _writer;

    public RowWriter(Stream stream)
    {
        _stream = stream;
        _writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    }

    public void Write(DataRow row)
    {
        _writer.Reset();
        _writer.WriteStartObject();
        foreach ((string column, object? value) in row)
        {
            _writer.WritePropertyName(column);
            Write(value);
        }

        _writer.WriteEndObject();
        _writer.Flush();
        _stream.WriteByte((byte)'\n');
    }

    public void Dispose() => _writer.Dispose();

    private void Write(object? value)
    {
        switch (value)
        {
            case double number when double.IsInteger(number) && Math.Abs(number) < 1e15:
                _writer.WriteRawValue(number.ToString("F1", CultureInfo.InvariantCulture));
                break;
            case null or string or bool or long or decimal or double or byte[]:
                NestedValue.Write(_writer, value);
                break;
            case JsonElement element:
                JsonSerializer.Serialize(_writer, element);
                break;
            case IEnumerable<ChatMessage> messages:
                JsonSerializer.Serialize(_writer, messages.Select(message => message.ToJson()));
                break;
            default:
                JsonSerializer.Serialize(_writer, value, value.GetType(), ObjectNames);
                break;
        }
    }
}
