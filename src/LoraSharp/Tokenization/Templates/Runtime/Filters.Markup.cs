using System.Buffers;

namespace LoraSharp.Tokenization.Templates.Runtime;

internal static partial class Filters
{
    private static readonly SearchValues<char> NotInAttributeNames = SearchValues.Create(" \t\n\r\f\v/>=");

    private static void AddMarkupFilters(Dictionary<string, Func<Renderer, CallArguments, object?>> all)
    {
        Define(all, "escape", 1, ["s"], (renderer, a) => Markup.Escape(renderer, a[0]));
        all["e"] = all["escape"];
        Define(all, "forceescape", 1, ["value"], (renderer, a) => Markup.Escape(renderer, Printing.Str(renderer, a[0])));
        Define(all, "safe", 1, ["value"], (renderer, a) => new Markup(Printing.Str(renderer, a[0])));
        Define(all, "striptags", 1, ["value"], (renderer, a) => Html.StripTags(Printing.Str(renderer, a[0])));
        Define(all, "urlencode", 1, ["value"], UrlEncode);
        Define(all, "urlize", 1, ["value", "trim_url_limit", "nofollow", "target", "rel", "extra_schemes"], Urlize);
        Define(all, "xmlattr", 1, ["d", "autospace"], XmlAttributes);
    }

    private static object? UrlEncode(Renderer renderer, Bound a)
    {
        if (a[0] is string or Markup || !Iteration.IsIterable(a[0]))
        {
            return Html.Quote(Printing.Str(renderer, a[0]), forQuery: false);
        }

        IEnumerable<object?> pairs = a[0] is JinjaDict dict ? new DictView(dict, DictView.Part.Items).Items : Iteration.Of(renderer, a[0]);
        return renderer.Concat(pairs.Select((pair, i) => Iteration.ToList(renderer, pair) is [var key, var value]
            ? $"{(i > 0 ? "&" : "")}{Html.Quote(Printing.Str(renderer, key), forQuery: true)}={Html.Quote(Printing.Str(renderer, value), forQuery: true)}"
            : throw Errors.Value("urlencode needs pairs of a key and a value")));
    }

    private static object? Urlize(Renderer renderer, Bound a)
    {
        IEnumerable<string> relations = (a.TextOrNone(4) ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries).Append("noopener").Concat(a.IsTrue(2) ? ["nofollow"] : []);
        string rel = string.Join(' ', relations.Distinct().Order(StringComparer.Ordinal));
        int? limit = a.Or(1, null) is null ? null : a.Count(1, 0);
        List<string> schemes = a.Or(5, null) is { } extra ? [.. Iteration.Of(renderer, extra).Select(s => Printing.Str(renderer, s))] : [];
        string text = Links.Urlize(Markup.Escape(renderer, a[0]).Text, limit, rel, a.TextOrNone(3), schemes);
        renderer.ChargeText(text.Length);
        return renderer.AutoEscape ? new Markup(text) : text;
    }

    private static object? XmlAttributes(Renderer renderer, Bound a)
    {
        JinjaDict dict = a[0] as JinjaDict ?? throw (a[0] is Undefined undefined ? undefined.ToError() : Errors.Type("xmlattr needs a mapping"));
        var parts = new List<string>();
        foreach (KeyValuePair<object?, object?> item in dict.Items.Where(i => i.Value is not (null or Undefined)))
        {
            string key = Markup.TextOf(item.Key) ?? throw Errors.Type("expected string or bytes-like object");
            if (key.AsSpan().ContainsAny(NotInAttributeNames))
            {
                throw Errors.Value($"Invalid character in attribute name: '{key}'");
            }

            parts.Add($"{(parts.Count > 0 ? " " : "")}{Markup.Escape(renderer, item.Key).Text}=\"{Markup.Escape(renderer, item.Value).Text}\"");
        }

        string text = renderer.Concat(parts);
        text = text.Length > 0 && a.IsTrue(1, true) ? " " + text : text;
        return renderer.AutoEscape ? new Markup(text) : text;
    }
}
