using System.Numerics;

namespace LoraSharp.Tokenization.Templates.Runtime;

/// <summary>The values that a call passes.</summary>
internal sealed class CallArguments(IReadOnlyList<object?> positional, OrderedDictionary<string, object?>? named = null)
{
    public static CallArguments None { get; } = new([]);

    public IReadOnlyList<object?> Positional { get; } = positional;

    public OrderedDictionary<string, object?>? Named { get; } = named;

    public CallArguments With(string name, object? value)
    {
        var copy = Named is null ? new OrderedDictionary<string, object?>(StringComparer.Ordinal) : new OrderedDictionary<string, object?>(Named, StringComparer.Ordinal);
        if (!copy.TryAdd(name, value))
        {
            throw Errors.Type($"got multiple values for keyword argument '{name}'");
        }

        return new CallArguments(Positional, copy);
    }

    /// <summary>The arguments after the first <paramref name="count"/> positional ones.</summary>
    public CallArguments Skip(int count) => new([.. Positional.Skip(count)], Named);
}

/// <summary>The parameters of a function: their names, and how many have to be given.</summary>
internal sealed class Signature(string function, int required, params string[] names)
{
    /// <summary>Functions whose parameters have no names that a caller could use.</summary>
    public bool IsPositionalOnly { get; init; }

    /// <summary>The values in the order of the parameters; <see cref="Missing"/> where one was not given.</summary>
    public Bound Bind(CallArguments arguments)
    {
        if (arguments.Positional.Count > names.Length)
        {
            throw Errors.Type($"{function}() takes at most {names.Length} arguments ({arguments.Positional.Count} given)");
        }

        var values = new object?[names.Length];
        Array.Fill(values, Missing.Value);
        for (int i = 0; i < arguments.Positional.Count; i++)
        {
            values[i] = arguments.Positional[i];
        }

        if (arguments.Named is not null)
        {
            foreach ((string name, object? value) in arguments.Named)
            {
                int index = IsPositionalOnly ? -1 : Array.IndexOf(names, name);
                if (index < 0)
                {
                    throw Errors.Type($"{function}() got an unexpected keyword argument '{name}'");
                }

                if (!ReferenceEquals(values[index], Missing.Value))
                {
                    throw Errors.Type($"{function}() got multiple values for argument '{name}'");
                }

                values[index] = value;
            }
        }

        for (int i = 0; i < required; i++)
        {
            if (ReferenceEquals(values[i], Missing.Value))
            {
                throw Errors.Type($"{function}() missing required argument '{names[i]}'");
            }
        }

        return new Bound(function, values);
    }
}

/// <summary>Arguments matched to parameters, read with the conversions that Python makes.</summary>
internal readonly struct Bound(string function, object?[] values)
{
    public object? this[int index] => values[index];

    public bool Has(int index) => !ReferenceEquals(values[index], Missing.Value);

    public object? Or(int index, object? fallback) => Has(index) ? values[index] : fallback;

    public bool IsTrue(int index, bool fallback = false) => Has(index) ? Operators.IsTrue(values[index]) : fallback;

    /// <summary>A text; anything else is a type error.</summary>
    public string Text(int index) => Markup.TextOf(values[index]) ?? throw Errors.Type($"{function}() argument {index + 1} must be str, not {TypeNames.Of(values[index])}");

    public string? TextOrNone(int index) => !Has(index) || values[index] is null ? null : Text(index);

    public BigInteger Integer(int index) => values[index] is Undefined undefined
        ? throw undefined.ToError()
        : Integers.TryGet(values[index], out BigInteger integer)
            ? integer
            : throw Errors.Type($"'{TypeNames.Of(values[index])}' object cannot be interpreted as an integer");

    /// <summary>An integer cut to what an index or count can be.</summary>
    public int Count(int index, int fallback) => Has(index) && values[index] is not null ? Integers.Clamp(Integer(index)) : fallback;
}
