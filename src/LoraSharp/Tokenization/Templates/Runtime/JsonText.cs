using System.Globalization;
using System.Numerics;
using System.Text;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>The filter <c>tojson</c> as chat templates know it: Python's json.dumps without escapes for HTML.</summary>
internal sealed class JsonText
{
    private readonly Renderer _renderer;
    private readonly TemplateOutput _text;
    private readonly bool _ensureAscii;
    private readonly bool _sortKeys;
    private readonly string? _indent;
    private readonly string _itemSeparator;
    private readonly string _keySeparator;
    private int _depth;

    private JsonText(Renderer renderer, bool ensureAscii, string? indent, string itemSeparator, string keySeparator, bool sortKeys)
    {
        _renderer = renderer;
        _text = new TemplateOutput(renderer);
        _ensureAscii = ensureAscii;
        _indent = indent;
        _itemSeparator = itemSeparator;
        _keySeparator = keySeparator;
        _sortKeys = sortKeys;
    }

    public static string Write(Renderer renderer, object? value, bool ensureAscii, string? indent, (string Item, string Key)? separators, bool sortKeys)
    {
        (string item, string key) = separators ?? (indent is null ? ", " : ",", ": ");
        var json = new JsonText(renderer, ensureAscii, indent, item, key, sortKeys);
        json.WriteValue(value);
        return json._text.ToString();
    }

    private void WriteValue(object? value)
    {
        _renderer.Step();
        switch (value)
        {
            case string or Markup:
                WriteText(Markup.TextOf(value)!);
                break;
            case JinjaDict dict:
                WriteDict(dict);
                break;
            case JinjaSequence sequence:
                WriteItems("[", "]", sequence.Items, WriteValue);
                break;
            default:
                _text.Append(Scalar(value) ?? throw Errors.Type($"Object of type {TypeNames.Of(value)} is not JSON serializable"));
                break;
        }
    }

    private static string? Scalar(object? value) => value switch
    {
        null => "null",
        bool b => b ? "true" : "false",
        long or BigInteger => Integers.Print(value),
        double d => double.IsNaN(d) ? "NaN" : double.IsInfinity(d) ? (d > 0 ? "Infinity" : "-Infinity") : Doubles.Repr(d),
        _ => null,
    };

    private void WriteDict(JinjaDict dict)
    {
        IEnumerable<KeyValuePair<object?, object?>> items = _sortKeys ? Sorting.Sort(_renderer, dict.Items, i => i.Key, false) : dict.Items;
        WriteItems("{", "}", items, item =>
        {
            WriteText(Markup.TextOf(item.Key) ?? Scalar(item.Key) ?? throw Errors.Type($"keys must be str, int, float, bool or None, not {TypeNames.Of(item.Key)}"));
            _text.Append(_keySeparator);
            WriteValue(item.Value);
        });
    }

    private void WriteItems<T>(string open, string close, IEnumerable<T> items, Action<T> write)
    {
        _text.Append(open);
        _depth++;
        bool isEmpty = true;
        foreach (T item in items)
        {
            _text.Append(isEmpty ? "" : _itemSeparator);
            isEmpty = false;
            NewLine();
            write(item);
        }

        _depth--;
        if (!isEmpty)
        {
            NewLine();
        }

        _text.Append(close);
    }

    private void NewLine()
    {
        if (_indent is not null)
        {
            _renderer.ChargeText((long)_indent.Length * _depth);
            _text.Append("\n" + string.Concat(Enumerable.Repeat(_indent, _depth)));
        }
    }

    private void WriteText(string value)
    {
        _renderer.ChargeItems(value.Length / 4);
        var text = new StringBuilder(value.Length + 2).Append('"');
        foreach (char c in value)
        {
            _ = c switch
            {
                '"' => text.Append("\\\""),
                '\\' => text.Append("\\\\"),
                '\n' => text.Append("\\n"),
                '\r' => text.Append("\\r"),
                '\t' => text.Append("\\t"),
                '\b' => text.Append("\\b"),
                '\f' => text.Append("\\f"),
                < ' ' => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                > '~' when _ensureAscii => text.Append(CultureInfo.InvariantCulture, $"\\u{(int)c:x4}"),
                _ => text.Append(c),
            };
        }

        _text.Append(text.Append('"').ToString());
    }
}
