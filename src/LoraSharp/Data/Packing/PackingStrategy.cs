using System.Text.Json.Serialization;

namespace LoraSharp.Data;

/// <summary>How short rows are put together into rows of full length.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<PackingStrategy>))]
public enum PackingStrategy
{
    /// <summary>Best fit decreasing: no row is split, longer ones are cut. Rows in one bin do not see each other.</summary>
    [JsonStringEnumMemberName("bfd")]
    Bfd,

    /// <summary>As <see cref="Bfd"/>, but longer rows are split into pieces instead of being cut.</summary>
    [JsonStringEnumMemberName("bfd_split")]
    BfdSplit,

    /// <summary>All rows one after the other, cut into slices of the length. Rows in one slice do not see each other.</summary>
    [JsonStringEnumMemberName("wrapped_isolated")]
    WrappedIsolated,

    /// <summary>TRL's <c>wrapped</c>: the same slices, but rows in one slice SEE EACH OTHER, as if they were one text.</summary>
    [JsonStringEnumMemberName("wrapped")]
    Wrapped,
}
