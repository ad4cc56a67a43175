using System.Text.Json.Serialization;

namespace LoraSharp.Data;

/// <summary>In which order an epoch visits the rows.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<SamplingStrategy>))]
public enum SamplingStrategy
{
    /// <summary>A new random order for each epoch.</summary>
    [JsonStringEnumMemberName("random")]
    Random,

    /// <summary>The order of the data set.</summary>
    [JsonStringEnumMemberName("sequential")]
    Sequential,

    /// <summary>Random, but rows of similar length come together, which saves padding; the longest row comes first.</summary>
    [JsonStringEnumMemberName("group_by_length")]
    GroupByLength,
}
