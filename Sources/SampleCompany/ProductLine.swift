/// What the sample company sells, with the value-added tax of each in percent.
enum ProductLine: String, Sendable {
    case hardware = "工业网关与边缘设备"
    case integration = "系统集成"
    case installation = "建筑智能化安装"
    case development = "软件开发服务"
    case subscription = "云平台订阅"
    case maintenance = "运维服务"

    var taxPercent: Int64 {
        switch self {
        case .hardware, .integration: 13
        case .installation: 9
        case .development, .subscription, .maintenance: 6
        }
    }
}
