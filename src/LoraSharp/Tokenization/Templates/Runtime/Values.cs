using System.Diagnostics.CodeAnalysis;

namespace LoraSharp.Tokenization.Templates.Runtime;

// The values of a template: null (None), bool, long or BigInteger (int), double, string, and the types here. None of them changes after it is made, but
// for namespaces, cyclers, joiners and loops.

/// <summary>A variable or lookup without a value. It prints as nothing; most uses of it are an error with its message.</summary>
internal sealed class Undefined(string message, bool isUnsafe = false)
{
    public TemplateException ToError() => isUnsafe ? Errors.Security(message) : Errors.Undefined(message);
}

internal abstract class JinjaSequence(IReadOnlyList<object?> items)
{
    public IReadOnlyList<object?> Items { get; } = items;
}

internal sealed class JinjaList(IReadOnlyList<object?> items) : JinjaSequence(items);

internal class JinjaTuple(IReadOnlyList<object?> items) : JinjaSequence(items)
{
    public static JinjaTuple Empty { get; } = new([]);
}

/// <summary>What groupby gives: a pair whose parts have names as well.</summary>
internal sealed class GroupTuple(object? grouper, JinjaList list) : JinjaTuple([grouper, list])
{
    public object? Grouper { get; } = grouper;

    public JinjaList List { get; } = list;
}

/// <summary>A mapping in the order of insertion, with Python's equality of keys (1, 1.0 and True are one key).</summary>
internal sealed class JinjaDict
{
    private static readonly object NoneKey = new();
    private readonly OrderedDictionary<object, object?> _items = new(KeyComparer.Instance);

    public int Count => _items.Count;

    public IEnumerable<object?> Keys => _items.Keys.Select(Unwrap);

    public IEnumerable<object?> Values => _items.Values;

    public IEnumerable<KeyValuePair<object?, object?>> Items => _items.Select(i => KeyValuePair.Create(Unwrap(i.Key), i.Value));

    public static JinjaDict Of(IEnumerable<KeyValuePair<string, object?>> items)
    {
        var dict = new JinjaDict();
        foreach ((string key, object? value) in items)
        {
            dict._items[key] = value;
        }

        return dict;
    }

    /// <summary>Only for a mapping that is being made.</summary>
    public void Set(object? key, object? value) => _items[Wrap(key)] = value;

    public void SetAll(JinjaDict other)
    {
        foreach (KeyValuePair<object, object?> item in other._items)
        {
            _items[item.Key] = item.Value;
        }
    }

    public bool TryGet(object? key, [MaybeNullWhen(true)] out object? value) => _items.TryGetValue(Wrap(key), out value);

    public bool Contains(object? key) => _items.ContainsKey(Wrap(key));

    private static object Wrap(object? key) => key ?? NoneKey;

    private static object? Unwrap(object key) => ReferenceEquals(key, NoneKey) ? null : key;
}

internal sealed class JinjaRange(long start, long stop, long step, int count)
{
    public long Start => start;

    public long Stop => stop;

    public long Step => step;

    public int Count => count;

    public object At(int index) => start + (index * step);
}

internal sealed class JinjaBytes(byte[] bytes)
{
    public byte[] Bytes { get; } = bytes;
}

/// <summary>What keys(), values() and items() of a mapping give.</summary>
internal sealed class DictView(JinjaDict dict, DictView.Part part)
{
    public enum Part
    {
        Keys,
        Values,
        Items,
    }

    public JinjaDict Dict => dict;

    public Part Kind => part;

    public string TypeName => part switch { Part.Keys => "dict_keys", Part.Values => "dict_values", _ => "dict_items" };

    public IEnumerable<object?> Items => part switch
    {
        Part.Keys => dict.Keys,
        Part.Values => dict.Values,
        _ => dict.Items.Select(i => new JinjaTuple([i.Key, i.Value])),
    };
}

/// <summary>A lazy sequence that can be walked once and has no length.</summary>
internal sealed class Generator(string typeName, IEnumerable<object?> items)
{
    private readonly IEnumerator<object?> _items = items.GetEnumerator();

    public string TypeName { get; } = typeName;

    /// <summary>What is left; every walk goes on where the last one stopped.</summary>
    public IEnumerable<object?> Rest()
    {
        while (true)
        {
            // Generators over generators go deep before the first item comes.
            Renderer.CountNested(0);
            if (!_items.MoveNext())
            {
                yield break;
            }

            yield return _items.Current;
        }
    }
}

/// <summary>The object of <c>namespace()</c>: the one thing that a loop can change for what follows it.</summary>
internal sealed class Namespace(JinjaDict attributes)
{
    public JinjaDict Attributes { get; } = attributes;

    public static void RequirePublic(object? name)
    {
        if (name is string text && text.StartsWith('_'))
        {
            throw Errors.Security($"a namespace cannot have the attribute '{text}': names with a leading underscore are refused");
        }
    }

    public void Set(string name, object? value)
    {
        RequirePublic(name);
        Attributes.Set(name, value);
    }
}

/// <summary>The variable <c>self</c>: its attributes are the template's blocks.</summary>
internal sealed class TemplateReference;

/// <summary>A part of a template that can be called.</summary>
internal abstract class Callable
{
    public abstract object? Call(Renderer renderer, CallArguments arguments);
}

/// <summary>A function of the language: a global, a method bound to its value.</summary>
internal sealed class Function(string name, Func<Renderer, CallArguments, object?> body) : Callable
{
    public string Name { get; } = name;

    public override object? Call(Renderer renderer, CallArguments arguments) => body(renderer, arguments);
}
