using System.Security.Cryptography;

namespace LoraSharp.Tokenization.Templates.Runtime;

internal static partial class Filters
{
    private static void AddSequenceFilters(Dictionary<string, Func<Renderer, CallArguments, object?>> all)
    {
        Define(all, "length", 1, ["obj"], (_, a) => Operators.Length(a[0]));
        all["count"] = all["length"];
        Define(all, "default", 1, ["value", "default_value", "boolean"], (_, a) => a[0] is Undefined || (a.IsTrue(2) && !Operators.IsTrue(a[0])) ? a.Or(1, "") : a[0]);
        all["d"] = all["default"];
        Define(all, "list", 1, ["value"], (renderer, a) => new JinjaList(Iteration.ToList(renderer, a[0])));
        Define(all, "first", 1, ["seq"], (renderer, a) => FirstOf(Iteration.Of(renderer, a[0]), "first"));
        Define(all, "last", 1, ["seq"], (renderer, a) => FirstOf(ReversedOrFail(renderer, a[0]), "last"));
        Define(all, "reverse", 1, ["value"], Reverse);
        Define(all, "random", 1, ["seq"], Random);
        Define(all, "join", 1, ["value", "d", "attribute"], Join);
        Define(all, "items", 1, ["value"], (_, a) => new Generator("generator", ItemsOf(a[0])));
        Define(all, "dictsort", 1, ["value", "case_sensitive", "by", "reverse"], DictSort);
        Define(all, "sort", 1, ["value", "reverse", "case_sensitive", "attribute"], Sort);
        Define(all, "unique", 1, ["value", "case_sensitive", "attribute"], (renderer, a) => new Generator("generator", Unique(renderer, a)));
        Define(all, "min", 1, ["value", "case_sensitive", "attribute"], (renderer, a) => Extreme(renderer, a, isMax: false));
        Define(all, "max", 1, ["value", "case_sensitive", "attribute"], (renderer, a) => Extreme(renderer, a, isMax: true));
        Define(all, "sum", 1, ["iterable", "attribute", "start"], Sum);
        Define(all, "groupby", 2, ["value", "attribute", "default", "case_sensitive"], GroupBy);
        Define(all, "batch", 2, ["value", "linecount", "fill_with"], (renderer, a) => new Generator("generator", Batch(renderer, a)));
        Define(all, "slice", 2, ["value", "slices", "fill_with"], (renderer, a) => new Generator("generator", Slice(renderer, a)));
    }

    private static object? FirstOf(IEnumerable<object?> items, string which)
    {
        foreach (object? item in items)
        {
            return item;
        }

        return new Undefined($"No {which} item, sequence was empty.");
    }

    private static IEnumerable<object?> ReversedOrFail(Renderer renderer, object? value) =>
        Iteration.Reversed(renderer, value) ?? throw Errors.Type($"'{TypeNames.Of(value)}' object is not reversible");

    private static object? Reverse(Renderer renderer, Bound a)
    {
        if (a[0] is string or Markup)
        {
            return Slicing.Slice(renderer, a[0], null, null, -1L);
        }

        if (Iteration.Reversed(renderer, a[0]) is { } reversed)
        {
            return new Generator("list_reverseiterator", reversed);
        }

        List<object?> items = Iteration.IsIterable(a[0]) ? Iteration.ToList(renderer, a[0]) : throw Errors.FilterArgument("argument must be iterable");
        items.Reverse();
        return new JinjaList(items);
    }

    private static object? Random(Renderer renderer, Bound a)
    {
        if (!Operators.TryLength(a[0], out int length))
        {
            throw Errors.Type($"object of type '{TypeNames.Of(a[0])}' has no len()");
        }

        if (length == 0)
        {
            return new Undefined("No random item, sequence was empty.");
        }

        // A mapping is asked for the number as a key.
        long index = RandomNumberGenerator.GetInt32(length);
        return a[0] is JinjaDict dict && !dict.Contains(index) ? throw Errors.Key(Integers.Print(index)) : Lookup.Item(renderer, a[0], index);
    }

    private static object? Join(Renderer renderer, Bound a)
    {
        Func<object?, object?> attribute = Attributes.Getter(renderer, a.Or(2, null));
        IEnumerable<object?> items = Iteration.Of(renderer, a[0]).Select(attribute);
        object? separator = a.Or(1, "");
        if (!renderer.AutoEscape)
        {
            return JoinTexts(renderer, Printing.Str(renderer, separator), items.Select(i => Printing.Str(renderer, i)));
        }

        List<object?> all = [.. items];
        return separator is Markup || all.Exists(i => i is Markup)
            ? new Markup(JoinTexts(renderer, Markup.Escape(renderer, separator).Text, all.Select(i => Markup.Escape(renderer, i).Text)))
            : JoinTexts(renderer, Printing.Str(renderer, separator), all.Select(i => Printing.Str(renderer, i)));
    }

    private static string JoinTexts(Renderer renderer, string separator, IEnumerable<string> texts) =>
        renderer.Concat(texts.SelectMany((text, i) => i == 0 ? new[] { text } : [separator, text]));

    /// <summary>Lazy like the other generators: what is no mapping is an error only when the items are asked for.</summary>
    private static IEnumerable<object?> ItemsOf(object? value)
    {
        if (value is Undefined)
        {
            yield break;
        }

        JinjaDict dict = value as JinjaDict ?? throw Errors.Type("Can only get item pairs from a mapping.");
        foreach (object? item in new DictView(dict, DictView.Part.Items).Items)
        {
            yield return item;
        }
    }

    private static object? DictSort(Renderer renderer, Bound a)
    {
        string by = a.Has(2) ? Markup.TextOf(a[2]) ?? "" : "key";
        if (by is not ("key" or "value"))
        {
            throw Errors.FilterArgument("You can only sort by either \"key\" or \"value\"");
        }

        JinjaDict dict = a[0] as JinjaDict
            ?? throw (a[0] is Undefined undefined ? undefined.ToError() : new TemplateException("AttributeError", $"'{TypeNames.Of(a[0])}' object has no attribute 'items'"));
        bool isCaseSensitive = a.IsTrue(1);
        List<KeyValuePair<object?, object?>> sorted = Sorting.Sort(
            renderer,
            dict.Items,
            item => by == "key" ? Fold(item.Key, isCaseSensitive) : Fold(item.Value, isCaseSensitive),
            a.IsTrue(3));
        return new JinjaList([.. sorted.Select(item => new JinjaTuple([item.Key, item.Value]))]);
    }

    private static object? Sort(Renderer renderer, Bound a)
    {
        bool isCaseSensitive = a.IsTrue(2);
        object? attribute = a.Or(3, null);
        // Several attributes may be given, separated by commas; the keys are lists even for one, which matters for values that are equal but have no order.
        IEnumerable<object?> names = Markup.TextOf(attribute) is { } text ? text.Split(',') : [attribute];
        Func<object?, object?>[] getters = [.. names.Select(name => Attributes.Getter(renderer, name))];
        return new JinjaList(Sorting.Sort(
            renderer,
            Iteration.Of(renderer, a[0]),
            item => new JinjaList([.. getters.Select(get => Fold(get(item), isCaseSensitive))]),
            a.IsTrue(1)));
    }

    private static IEnumerable<object?> Unique(Renderer renderer, Bound a)
    {
        Func<object?, object?> attribute = Attributes.Getter(renderer, a.Or(2, null));
        bool isCaseSensitive = a.IsTrue(1);
        var seen = new JinjaDict();
        foreach (object? item in Iteration.Of(renderer, a[0]))
        {
            object? key = Fold(attribute(item), isCaseSensitive);
            if (!seen.Contains(key))
            {
                seen.Set(key, null);
                yield return item;
            }
        }
    }

    private static object? Extreme(Renderer renderer, Bound a, bool isMax)
    {
        Func<object?, object?> attribute = Attributes.Getter(renderer, a.Or(2, null));
        object? best = Missing.Value;
        object? bestKey = null;
        foreach (object? item in Iteration.Of(renderer, a[0]))
        {
            object? key = Fold(attribute(item), a.IsTrue(1));
            if (ReferenceEquals(best, Missing.Value) || (isMax ? Sorting.IsLess(bestKey, key) : Sorting.IsLess(key, bestKey)))
            {
                best = item;
                bestKey = key;
            }
        }

        return ReferenceEquals(best, Missing.Value) ? new Undefined("No aggregated item, sequence was empty.") : best;
    }

    private static object? Sum(Renderer renderer, Bound a)
    {
        Func<object?, object?> attribute = Attributes.Getter(renderer, a.Or(1, null));
        object? start = a.Or(2, 0L);
        if (start is string or Markup)
        {
            throw Errors.Type("sum() can't sum strings [use ''.join(seq) instead]");
        }

        return Summation.Sum(renderer, Iteration.Of(renderer, a[0]).Select(attribute), start);
    }

    private static object? GroupBy(Renderer renderer, Bound a)
    {
        bool isCaseSensitive = a.IsTrue(3);
        Func<object?, object?> attribute = Attributes.Getter(renderer, a[1], a.Or(2, null));
        List<object?> sorted = Sorting.Sort(renderer, Iteration.Of(renderer, a[0]), item => Fold(attribute(item), isCaseSensitive), false);
        var groups = new List<object?>();
        for (int i = 0; i < sorted.Count;)
        {
            object? key = Fold(attribute(sorted[i]), isCaseSensitive);
            int start = i++;
            while (i < sorted.Count && Operators.AreEqual(Fold(attribute(sorted[i]), isCaseSensitive), key))
            {
                i++;
            }

            groups.Add(new GroupTuple(attribute(sorted[start]), new JinjaList(sorted[start..i])));
        }

        return new JinjaList(groups);
    }

    private static IEnumerable<object?> Batch(Renderer renderer, Bound a)
    {
        int size = a.Count(1, 0);
        var batch = new List<object?>();
        foreach (object? item in Iteration.Of(renderer, a[0]))
        {
            if (batch.Count == size)
            {
                yield return new JinjaList(batch);
                batch = [];
            }

            batch.Add(item);
        }

        if (batch.Count > 0)
        {
            if (a.Or(2, null) is { } fill && batch.Count < size)
            {
                renderer.ChargeItems(size - batch.Count);
                batch.AddRange(Enumerable.Repeat<object?>(fill, size - batch.Count));
            }

            yield return new JinjaList(batch);
        }
    }

    private static IEnumerable<object?> Slice(Renderer renderer, Bound a)
    {
        List<object?> items = Iteration.ToList(renderer, a[0]);
        int slices = a.Count(1, 0);
        if (slices == 0)
        {
            throw Errors.DivisionByZero("integer division or modulo by zero");
        }

        int size = slices < 0 ? 0 : items.Count / slices;
        int larger = slices < 0 ? 0 : items.Count % slices;
        int start = 0;
        for (int i = 0; i < slices; i++)
        {
            renderer.Step();
            int end = start + size + (i < larger ? 1 : 0);
            List<object?> slice = items[start..end];
            if (a.Or(2, null) is { } fill && i >= larger)
            {
                slice.Add(fill);
            }

            yield return new JinjaList(slice);
            start = end;
        }
    }

    private static object? Fold(object? value, bool isCaseSensitive) => isCaseSensitive ? value : FoldCase(value);
}
