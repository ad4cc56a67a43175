using System.Text.Json.Serialization;

namespace LoraSharp.Training;

/// <summary>Which direction of an evaluation metric is better.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<MetricMode>))]
public enum MetricMode
{
    /// <summary>Lower is better (a loss).</summary>
    [JsonStringEnumMemberName("min")]
    Min,

    /// <summary>Higher is better (an accuracy).</summary>
    [JsonStringEnumMemberName("max")]
    Max,
}
