using System.Numerics;
using LoraSharp.Tokenization.Templates.Syntax;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>Attributes and items, inside the sandbox: no name with a leading underscore, nothing that changes a value.</summary>
internal static class Lookup
{
    private static readonly HashSet<string> ListChanges = ["append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove"];
    private static readonly HashSet<string> DictChanges = ["clear", "pop", "popitem", "setdefault", "update"];

    /// <summary><c>value.name</c>.</summary>
    public static object? Attribute(Renderer renderer, object? value, string name)
    {
        if (TryAttribute(value, name, out object? attribute))
        {
            return attribute;
        }

        return TryItem(renderer, value, name, out object? item) ? item : NotFound(value, name);
    }

    /// <summary><c>value[key]</c>.</summary>
    public static object? Item(Renderer renderer, object? value, object? key)
    {
        if (TryItem(renderer, value, key, out object? item))
        {
            return item;
        }

        return Markup.TextOf(key) is { } name && TryAttribute(value, name, out object? attribute) ? attribute : NotFound(value, key);
    }

    /// <summary>An attribute alone, for the filter attr.</summary>
    public static object? AttributeOnly(object? value, string name) => TryAttribute(value, name, out object? attribute) ? attribute : NotFound(value, name);

    private static bool TryAttribute(object? value, string name, out object? attribute)
    {
        if (value is Undefined undefined)
        {
            throw undefined.ToError();
        }

        if (IsSpecialName(name))
        {
            // Every Python object has some names like these; where a mapping has such a key, it is that.
            attribute = Unsafe(value, name);
            return value is not JinjaDict dict || !dict.Contains(name);
        }

        if ((value is JinjaList && ListChanges.Contains(name)) || (value is JinjaDict && DictChanges.Contains(name)))
        {
            attribute = Unsafe(value, name);
            return true;
        }

        attribute = Find(value, name);
        if (ReferenceEquals(attribute, Missing.Value))
        {
            return false;
        }

        if (name.StartsWith('_'))
        {
            attribute = Unsafe(value, name);
        }

        return true;
    }

    private static object? Find(object? value, string name) => value switch
    {
        string text => Bind(TextMethods.Find(name), value, name),
        Markup => Bind(TextMethods.FindForMarkup(name), value, name),
        JinjaDict => Bind(ContainerMethods.FindForDict(name), value, name),
        GroupTuple group when name is "grouper" => group.Grouper,
        GroupTuple group when name is "list" => group.List,
        JinjaSequence => Bind(ContainerMethods.FindForSequence(name, value is JinjaList), value, name),
        JinjaRange range => ContainerMethods.RangeAttribute(range, name) ?? Bind(ContainerMethods.FindForSequence(name, false), value, name),
        JinjaBytes => Bind(ContainerMethods.FindForBytes(name), value, name),
        long or bool or BigInteger => NumberMethods.IntegerAttribute(value, name),
        double number => NumberMethods.FloatAttribute(number, name),
        Namespace space => space.Attributes.TryGet(name, out object? attribute) ? attribute : Missing.Value,
        LoopContext loop => loop.Attribute(name),
        Macro macro => macro.Attribute(name),
        Cycler cycler => cycler.Attribute(name),
        Joiner joiner => joiner.Attribute(name),
        _ => Missing.Value,
    };

    private static object? Bind(Method? method, object? value, string name) =>
        method is null ? Missing.Value : new Function(name, (renderer, arguments) => method(renderer, value!, arguments));

    private static bool TryItem(Renderer renderer, object? value, object? key, out object? item)
    {
        item = null;
        switch (value)
        {
            case Undefined undefined:
                throw undefined.ToError();
            case JinjaDict dict:
                return key is not (JinjaList or JinjaDict) && dict.TryGet(key, out item);
            case JinjaSequence sequence:
                return TryIndex(sequence.Items.Count, key, out int i) && (item = sequence.Items[i]) is var _;
            case JinjaRange range:
                return TryIndex(range.Count, key, out i) && (item = range.At(i)) is var _;
            case string or Markup:
                return TryCharacter(Markup.TextOf(value)!, key, out item);
            case JinjaBytes bytes:
                return TryIndex(bytes.Bytes.Length, key, out i) && (item = (long)bytes.Bytes[i]) is var _;
            case TemplateReference when key is string name && renderer.FindBlock(name) is { } block:
                item = new Function(name, (r, _) => r.AsBlockText(Render(r, block)));
                return true;
            default:
                return false;
        }
    }

    private static string Render(Renderer renderer, BlockStatement block)
    {
        var output = new TemplateOutput(renderer);
        block.RenderBody(renderer, output);
        return output.ToString();
    }

    private static bool TryCharacter(string text, object? key, out object? item)
    {
        bool found = TryIndex(CodePoints.Length(text), key, out int index);
        item = found ? CodePoints.Slice(text, index, index + 1) : null;
        return found;
    }

    private static bool TryIndex(int count, object? key, out int index)
    {
        index = -1;
        if (!Integers.TryGet(key, out BigInteger wanted))
        {
            return false;
        }

        wanted = wanted.Sign < 0 ? wanted + count : wanted;
        bool isInside = wanted.Sign >= 0 && wanted < count;
        index = isInside ? (int)wanted : -1;
        return isInside;
    }

    private static bool IsSpecialName(string name) => name.Length > 4 && name.StartsWith("__", StringComparison.Ordinal) && name.EndsWith("__", StringComparison.Ordinal);

    private static Undefined Unsafe(object? value, string name) =>
        new($"access to attribute '{name}' of '{TypeNames.Of(value)}' object is unsafe.", isUnsafe: true);

    private static Undefined NotFound(object? value, object? key) => new(key is string name
        ? $"'{(value is null ? "None" : TypeNames.Of(value) + " object")}' has no attribute '{name}'"
        : $"{(value is null ? "None" : TypeNames.Of(value) + " object")} has no element {(key is null ? "None" : TypeNames.Of(key) + " " + key)}");
}

/// <summary>A method: its value and the arguments of the call.</summary>
internal delegate object? Method(Renderer renderer, object self, CallArguments arguments);
