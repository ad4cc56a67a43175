using System.Text;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>A text that is safe HTML: what is joined to it is escaped.</summary>
internal sealed class Markup(string text)
{
    public string Text { get; } = text;

    /// <summary>The text of a string or markup; null for anything else.</summary>
    public static string? TextOf(object? value) => value switch
    {
        string text => text,
        Markup markup => markup.Text,
        _ => null,
    };

    public static Markup Escape(Renderer renderer, object? value)
    {
        if (value is Markup markup)
        {
            return markup;
        }

        string text = Printing.Str(renderer, value);
        if (!text.AsSpan().ContainsAny("&<>'\""))
        {
            return new Markup(text);
        }

        var escaped = new StringBuilder(text.Length + 16);
        foreach (char c in text)
        {
            _ = c switch
            {
                '&' => escaped.Append("&amp;"),
                '<' => escaped.Append("&lt;"),
                '>' => escaped.Append("&gt;"),
                '\'' => escaped.Append("&#39;"),
                '"' => escaped.Append("&#34;"),
                _ => escaped.Append(c),
            };
        }

        renderer.ChargeText(escaped.Length);
        return new Markup(escaped.ToString());
    }

    public override string ToString() => Text;
}
