using System.Text;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>A text being written: the whole output, or what a macro or block captures.</summary>
internal sealed class TemplateOutput(Renderer renderer)
{
    private readonly StringBuilder _text = new();

    /// <summary>In UTF-16 units.</summary>
    public int Length => _text.Length;

    public void Append(string text)
    {
        renderer.ChargeItems(text.Length / 4);
        if (_text.Length + (long)text.Length > renderer.MaxLength)
        {
            renderer.ChargeText(_text.Length + (long)text.Length);
        }

        _text.Append(text);
    }

    public void AppendValue(object? value) =>
        Append(renderer.AutoEscape ? Markup.Escape(renderer, value).Text : Printing.Str(renderer, value));

    public override string ToString() => _text.ToString();
}
